"""Reports: what numbers look like, on the screen and in files. This room receives numbers and computes none.

testing/     the report of `test`            canvas.py      pictures of pixels and words
exploring/   the report of `explore`         png.py         PNG files as bytes
explaining/  the report of `explain`         sprite.py      many small images in one PNG
terminal/    progress, pictures of letters   html_page.py   the frame of every page
curves.py    the curves of one training      html_table.py  a table of texts
image_grid.py  images with their labels
"""
