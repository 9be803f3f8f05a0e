"""Making a dataset out of what people have: folders of pictures, tables, arrays, IDX files of any name.

source.py    what every kind of source gives, and which kind a path is
folders.py   a folder with a subfolder of pictures for each class
tables.py    CSV: a row of pixels and a label for each image
arrays.py    NumPy's .npz with four arrays
idx_files.py IDX files under the names that are in use
collection.py  datasets that are published in another form than MNIST's files
dataset.py   from what was found to a dataset's files: polarity, a test set, equal images, writing
"""

from MNIST.data.importing.dataset import Imported, Wishes, import_dataset

__all__ = ["Imported", "Wishes", "import_dataset"]
