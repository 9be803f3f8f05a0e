// The compiled kernels: kernels.c as WebAssembly, with SIMD where the browser has it.

/**
 * Compile the kernels. simdBytes, plainBytes: kernels.wasm and kernels_plain.wasm; both compute the same bits.
 * Returns {module, simd}; simd: whether the first could be taken.
 */
export async function loadKernels(simdBytes, plainBytes) {
  const simd = WebAssembly.validate(simdBytes);
  return { module: await WebAssembly.compile(simd ? simdBytes : plainBytes), simd };
}

/** The kernels' functions with a memory of their own. */
export function instantiate({ module }) {
  return new WebAssembly.Instance(module).exports;
}
