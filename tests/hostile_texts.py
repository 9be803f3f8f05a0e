"""Texts that a reader of model files must refuse without taking long: up to 1 MB of one kind of mistake."""

GOOD = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.001\n5\n100\n"
TEMPLATE = GOOD.replace("0.001", "{x}") + "Explore:\n"

HOSTILE = {
    "lines": "Layers:\n" + "a\n" * 400_000,
    "commas": "Layers:\nConv" + "," * 900_000,
    "keys": "Layers:\nConv,1,1,1,relu" + ",stride=1" * 100_000,
    "digits": "Layers:\nDense," + "9" * 900_000 + ",relu\n",
    "no_number": GOOD.replace("0.001", "9" * 900_000 + "x"),
    "equals": "=" * 900_000,
    "joined": TEMPLATE + "+".join("x" * 400_000) + "=1\n",
    "values": TEMPLATE + "x=" + "9" * 400_000 + "," + "9" * 400_000 + "\n",
    "names": "Layers:\n" + "".join(f"{{y{n}}},{{{'y' * 60}{n}}}\n" for n in range(9_000)) + "Explore:\nx=1\n",
}
HOSTILE_FOR_SECONDS = {
    "levels": "Input:\nThreshold" + ",5" * 400_000 + "\nLayers:\nFlatten\n",
    "sections": "Layers:\n" * 100_000,
    "placeholders": "{a}," * 200_000,
    "ranges": TEMPLATE + "x=" + "1:9999," * 100_000,
    "axes": TEMPLATE + "".join(f"y{n}=0:1e99:1e-99\n" for n in range(10_000)),
}
