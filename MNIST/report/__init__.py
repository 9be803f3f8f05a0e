"""Reports: numbers on the screen and in files. This room draws numbers that other rooms compute.

testing/     the report of `test`            colours.py      the colours of all pictures and pages
exploring/   the report of `explore`         percentages.py  proportions and probabilities as text
explaining/  the report of `explain`         canvas.py       pictures of pixels and words
terminal/    the progress of `train`         png.py          PNG files as bytes
curves.py      the curves of one training    sprite.py       many small images in one PNG
rate_curve.py  the loss at each rate         templates.py    web pages from templates, *.html
image_grid.py  images with their labels      page.html       the frame of every page
half_blocks.py  grey pictures as letters

None of the four subrooms imports another.
"""
