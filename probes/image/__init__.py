"""A decoded frame and what is wrong with it: numpy and OpenCV only, no sockets."""
