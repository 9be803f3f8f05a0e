"""A page to draw digits on: trained networks that compute in a browser, all in one HTML file.

networks.py   a trained network as a page takes it: the model's text, and its weights
numbers.py    the weights as bytes: float32, or float16 for a large network
assemble.py   puts networks, scripts and styles into one file

In the browser, beside the language and the engine of MNIST/browser:
page.html  page.css     the page's markup and style
worker.js               runs a card's network, or ensemble, in its own thread
cards.js                a card for each: its answer, its bars, what a network's layers see
votes.js                how many of the cards say what
page.js                 puts these together with the sheet of browser/drawing
"""

from MNIST.page.assemble import draw_page, is_draw_page
from MNIST.page.networks import PageEnsemble, PageNetwork, page_network

__all__ = ["PageEnsemble", "PageNetwork", "draw_page", "is_draw_page", "page_network"]
