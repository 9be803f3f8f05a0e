"""A page to draw digits on: trained networks that compute in a browser, all in one HTML file.

plan.py       a network as a list of operations that JavaScript can follow
numbers.py    its weights as bytes: float32, or of a large network float16
assemble.py   plans, weights, scripts and styles as one file

In the browser:
page.html  page.css     what stands on the page
engine.js               the forward pass of every layer, in the manner of MNIST/engines/scratch
worker.js               one network in a thread of its own
picture.js              from a drawing to 28×28 pixels, as MNIST/data/centring.py does it
drawing.js              the canvas: mouse, finger, keyboard
cards.js                a card a network: its answer, its bars, what its layers see
page.js                 puts them together
"""

from MNIST.page.assemble import MOST_BYTES, draw_page, is_draw_page
from MNIST.page.plan import Plan, plan_network

__all__ = ["MOST_BYTES", "Plan", "draw_page", "is_draw_page", "plan_network"]
