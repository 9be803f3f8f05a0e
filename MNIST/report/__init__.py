"""Reports: numbers on the screen and in files. This room draws numbers that other rooms compute.

testing/     the report of `test`            colours.py      the colours of all pictures and pages
exploring/   the report of `explore`         percentages.py  proportions and probabilities as text
explaining/  the report of `explain`         canvas.py       pictures of pixels and words
training/    the page of `train`             png.py          PNG files as bytes
terminal/    the progress of `train`         sprite.py       many small images in one PNG
curves.py      the curves of one training    templates.py    web pages from templates, *.html
rate_curve.py  the loss at each rate         page.html       the frame of every page
image_grid.py  images with their labels      line_chart.py   curves over epochs, as SVG on a page
half_blocks.py  grey pictures as letters     news.py         the top of a page about work under way

None of the five subrooms imports another.
"""
