"""A page to draw digits on: trained networks that compute in a browser, all in one HTML file.

plan.py       a network as a list of operations that JavaScript can follow
numbers.py    its weights as bytes: float32, or float16 for a large network
assemble.py   puts plans, weights, scripts and styles into one file

In the browser, with browser/drawing:
page.html  page.css     the page's markup and style
engine.js               the forward pass of every layer, as in MNIST/engines/scratch
worker.js               runs one network in its own thread
cards.js                one card for each network: its answer, its bars, what its layers see
page.js                 puts these together
"""

from MNIST.page.assemble import MOST_BYTES, draw_page, is_draw_page
from MNIST.page.plan import Plan, plan_network

__all__ = ["MOST_BYTES", "Plan", "draw_page", "is_draw_page", "plan_network"]
