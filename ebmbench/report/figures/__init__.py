"""What is drawn with matplotlib: a module a figure, on the canvas and of the panels that they share."""
