// Windows over each channel by itself, as kernels.c reads them: eleven whole numbers in memory.

/** Where the numbers of a layer's windows lie; `write` puts them there. */
export class Windows {
  /** map: [rows, columns, channels]; positions: rows and columns of windows. */
  constructor(plan, map, { size, strides }, margins, positions) {
    this.numbers = [...map, ...size, ...strides, margins.top, margins.left, ...positions];
    this.place = plan.take(4 * this.numbers.length);
  }

  write(heap) {
    heap.ints.set(this.numbers, this.place / 4);
  }
}
