"""One offline page of a run: numbers as one JSON block, surfaces deflated, charts drawn by the page's own script."""
