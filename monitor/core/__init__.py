"""The rules: pure functions of plain values, without clock, socket, file or database."""
