"""A key frame → a picture → its measures → its faults. No sockets; decoding is done by processes of its own."""
