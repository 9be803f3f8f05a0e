// The hot loops of the engine in the browser. `make kernels` compiles this file to kernels.wasm, and once more
// without SIMD to kernels_plain.wasm; both compute the same bits, because no sum depends on how vectors are made.
//
// It uses no library. Every function that is exported takes places in WebAssembly's memory, which the JavaScript
// beside this file has laid out; layers/*.js say which formula each one is for. Arrays hold one image after
// another, (images, rows, columns, channels), channels innermost, in float32 unless another type is written.

typedef float f4 __attribute__((vector_size(16)));
typedef int i4 __attribute__((vector_size(16)));
typedef unsigned int u4 __attribute__((vector_size(16)));
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))

// Make the compiler forget how it has come to a pointer. It would otherwise merge the sums of several places, and
// keep more of them than there are registers; a place plus a constant costs nothing, being part of an instruction.
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

INLINE f4 load(const float *p) {
  f4 v;
  __builtin_memcpy(&v, p, 16);
  return v;
}

INLINE void store(float *p, f4 v) { __builtin_memcpy(p, &v, 16); }

INLINE f4 splat(float a) { return (f4){a, a, a, a}; }

INLINE f4 select(i4 mask, f4 a, f4 b) { return (f4)((mask & (i4)a) | (~mask & (i4)b)); }

INLINE f4 root(f4 v) {
  return (f4){__builtin_sqrtf(v[0]), __builtin_sqrtf(v[1]), __builtin_sqrtf(v[2]), __builtin_sqrtf(v[3])};
}

INLINE int smaller(int a, int b) { return a < b ? a : b; }

INLINE int larger(int a, int b) { return a > b ? a : b; }

// The first n < 4 of the values at p, and zeros.
INLINE f4 load_part(const float *p, int n) {
  f4 v = splat(0);
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
}

INLINE void store_part(float *p, f4 v, int n) {
  for (int i = 0; i < n; i++) p[i] = v[i];
}

// Let `body` make v of the values x of a place; then go on to the next four places, until n are done.
#define EACH4(n, write, body)                    \
  do {                                           \
    int i = 0;                                   \
    for (; i + 4 <= (n); i += 4) {               \
      f4 v;                                      \
      body(load);                                \
      store((write) + i, v);                     \
    }                                            \
    if (i < (n)) {                               \
      f4 v;                                      \
      int rest = (n)-i;                          \
      body(PART);                                \
      store_part((write) + i, v, rest);          \
    }                                            \
  } while (0)
#define PART(p) load_part(p, rest)

// ---------------------------------------------------------------------------------------------------------------
// Matrix products
//
// P is the matrix whose rows are windows of x: `positions` of them, each of `rows` runs of `run` values. The
// window at position m begins at x[at[m]], and its runs are `step` values apart. No copy of the windows is made.
// Dense is the case of one run for each image. Three products are all that convolutions and dense layers need:
//
//     product       Y = P W + b
//     product_dW    dW = Pᵀ dZ, db = Σ dZ
//     product_dx    dx = Pᵀ(dZ Wᵀ)
//
// Each computes tiles of 4×8 values in eight registers: from each row of a tile one value is multiplied by eight
// columns at a time. The eight columns lie side by side in a panel, which pack_kernel and pack_transposed make.

#define TILE_STEP(A0, A1, A2, A3, B)                                              \
  do {                                                                            \
    f4 b0 = load(B), b1 = load((B) + 4), v;                                       \
    v = splat(A0), c[0] += v * b0, c[1] += v * b1;                                \
    v = splat(A1), c[2] += v * b0, c[3] += v * b1;                                \
    v = splat(A2), c[4] += v * b0, c[5] += v * b1;                                \
    v = splat(A3), c[6] += v * b0, c[7] += v * b1;                                \
  } while (0)

// c += the four rows a0 … a3, n values each, times the panel b.
INLINE void add_products(f4 *c, const float *a0, const float *a1, const float *a2, const float *a3, const float *b,
                         int n) {
#pragma clang loop unroll(disable)
  for (int k = 0; k < n; k++, a0++, a1++, a2++, a3++, b += 8) {
    OPAQUE(a0);
    OPAQUE(a1);
    OPAQUE(a2);
    OPAQUE(a3);
    OPAQUE(b);
    TILE_STEP(*a0, *a1, *a2, *a3, b);
  }
}

INLINE void store_row(float *p, f4 v0, f4 v1, int width) {
  if (width >= 8) {
    store(p, v0);
    store(p + 4, v1);
  } else if (width >= 4) {
    store(p, v0);
    store_part(p + 4, v1, width - 4);
  } else {
    store_part(p, v0, width);
  }
}

INLINE void add_row(float *p, f4 v0, f4 v1, int width) {
  if (width >= 8) {
    store(p, load(p) + v0);
    store(p + 4, load(p + 4) + v1);
  } else if (width >= 4) {
    store(p, load(p) + v0);
    store_part(p + 4, load_part(p + 4, width - 4) + v1, width - 4);
  } else {
    store_part(p, load_part(p, width) + v0, width);
  }
}

INLINE f4 relu4(f4 v) { return (f4)((i4)v & ~(v <= splat(0))); }  // NaN stays NaN

enum { BLOCK = 128 };  // positions at a time: what they see of x stays in the cache for all panels

// panels: those of W, for `columns` columns. bias: as long as all panels are wide, or null. relu: whether to apply
// it.
INLINE void product_of(const float *x, const int *at, int positions, int rows, int step, int run,
                       const float *panels, const float *bias, int columns, int relu, float *y) {
  const int inner = rows * run;
  for (int begin = 0; begin < positions; begin += BLOCK) {
    const int end = smaller(begin + BLOCK, positions);
    for (int column = 0; column < columns; column += 8) {
      const float *panel = panels + column * inner;
      const int width = columns - column;
      const f4 b0 = bias ? load(bias + column) : splat(0), b1 = bias ? load(bias + column + 4) : splat(0);
      for (int m = begin; m < end; m += 4) {
        const int last = positions - 1;
        const float *a0 = x + at[m], *a1 = x + at[smaller(m + 1, last)], *a2 = x + at[smaller(m + 2, last)],
                    *a3 = x + at[smaller(m + 3, last)], *b = panel;
        f4 c[8] = {b0, b1, b0, b1, b0, b1, b0, b1};
        for (int i = 0; i < rows; i++, a0 += step, a1 += step, a2 += step, a3 += step, b += 8 * run)
          add_products(c, a0, a1, a2, a3, b, run);
        if (relu)
          for (int q = 0; q < 8; q++) c[q] = relu4(c[q]);
        float *p = y + m * columns + column;
        if (width >= 8 && m + 4 <= positions) {
          for (int q = 0; q < 4; q++, p += columns) {
            store(p, c[2 * q]);
            store(p + 4, c[2 * q + 1]);
          }
        } else {
          const int count = smaller(4, positions - m);
          store_row(p, c[0], c[1], width);
          if (count > 1) store_row(p + columns, c[2], c[3], width);
          if (count > 2) store_row(p + 2 * columns, c[4], c[5], width);
          if (count > 3) store_row(p + 3 * columns, c[6], c[7], width);
        }
      }
    }
  }
}

void EXPORT(product)(const float *x, const int *at, int positions, int rows, int step, int run, const float *panels,
                     const float *bias, int columns, int relu, float *y) {
  if (run == 3)
    product_of(x, at, positions, rows, step, 3, panels, bias, columns, relu, y);
  else if (run == 5)
    product_of(x, at, positions, rows, step, 5, panels, bias, columns, relu, y);
  else
    product_of(x, at, positions, rows, step, run, panels, bias, columns, relu, y);
}

// dW: (rows · run, columns); db: (columns), or null. add: whether to add to what they hold. The positions are
// taken in blocks: what they see stays in the cache, and short sums round less. Eight columns of dz are first laid
// together: in their own places, far apart, reading them takes a tenth longer.
void EXPORT(product_dW)(const float *x, const int *at, int positions, int rows, int step, int run, const float *dz,
                        int columns, int add, float *dW, float *db) {
  static float panel[BLOCK * 8];
  for (int begin = 0; begin < positions; begin += BLOCK, add = 1) {
    const int count = smaller(BLOCK, positions - begin);
    for (int column = 0; column < columns; column += 8) {
      const int width = columns - column;
      const float *from = dz + begin * columns + column;
      f4 s0 = splat(0), s1 = splat(0);
      for (int m = 0; m < count; m++, from += columns) {
        const f4 d0 = load(from), d1 = load(from + 4);
        store(panel + 8 * m, d0);
        store(panel + 8 * m + 4, d1);
        s0 += d0, s1 += d1;
      }
      if (db && add) add_row(db + column, s0, s1, width);
      if (db && !add) store_row(db + column, s0, s1, width);
      for (int i = 0; i < rows; i++) {
        for (int k = 0; k < run; k += 4) {
          const float *corner = x + i * step + k, *d = panel;
          const int *place = at + begin;
          f4 c[8] = {};
#pragma clang loop unroll(disable)
          for (int m = 0; m < count; m++, d += 8, place++) {
            const float *a = corner + *place;
            OPAQUE(a);
            OPAQUE(d);
            OPAQUE(place);
            TILE_STEP(a[0], a[1], a[2], a[3], d);
          }
          float *p = dW + (i * run + k) * columns + column;
          const int height = smaller(4, run - k);
          for (int q = 0; q < 4; q++, p += columns) {
            if (q >= height) break;
            if (add)
              add_row(p, c[2 * q], c[2 * q + 1], width);
            else
              store_row(p, c[2 * q], c[2 * q + 1], width);
          }
        }
      }
    }
  }
}

// Add eight values, or only four if the others are zeros.
INLINE void add_eight(float *p, f4 v0, f4 v1, int width) {
  store(p, load(p) + v0);
  if (width > 4) store(p + 4, load(p + 4) + v1);
}

// panels: those of Wᵀ. add: windows overlap or leave gaps, so add to dx, which the caller has filled with zeros.
// What a panel has beyond its run is zeros, so whole panels can be added, also at the end of dx.
void EXPORT(product_dx)(const float *dz, const int *at, int positions, int rows, int step, int run,
                        const float *panels, int columns, int add, float *dx) {
  for (int begin = 0; begin < positions; begin += BLOCK) {
    const int end = smaller(begin + BLOCK, positions);
    const float *panel = panels;
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < run; k += 8, panel += 8 * columns) {
        float *to = dx + i * step + k;
        const int width = run - k;
        for (int m = begin; m < end; m += 4) {
          const int last = positions - 1, m1 = smaller(m + 1, last), m2 = smaller(m + 2, last),
                    m3 = smaller(m + 3, last), count = last - m;
          f4 c[8] = {};
          const float *d0 = dz + m * columns, *d1 = dz + m1 * columns, *d2 = dz + m2 * columns, *d3 = dz + m3 * columns;
          add_products(c, d0, d1, d2, d3, panel, columns);
          if (add) {
            add_eight(to + at[m], c[0], c[1], width);
            if (count > 0) add_eight(to + at[m1], c[2], c[3], width);
            if (count > 1) add_eight(to + at[m2], c[4], c[5], width);
            if (count > 2) add_eight(to + at[m3], c[6], c[7], width);
          } else {
            store_row(to + at[m], c[0], c[1], width);
            if (count > 0) store_row(to + at[m1], c[2], c[3], width);
            if (count > 1) store_row(to + at[m2], c[4], c[5], width);
            if (count > 2) store_row(to + at[m3], c[6], c[7], width);
          }
        }
      }
    }
  }
}

// W: (inner, columns) as panels of eight columns; zeros fill the last one.
void EXPORT(pack_kernel)(const float *W, int inner, int columns, float *panels) {
  for (int column = 0; column < columns; column += 8) {
    const float *from = W + column;
    const int width = smaller(8, columns - column);
    for (int k = 0; k < inner; k++, from += columns, panels += 8) {
      if (width == 8) {
        store(panels, load(from));
        store(panels + 4, load(from + 4));
      } else {
        for (int q = 0; q < 8; q++) panels[q] = q < width ? from[q] : 0;
      }
    }
  }
}

// Wᵀ as panels of eight of its columns, which are W's rows; each run begins a new panel.
void EXPORT(pack_transposed)(const float *W, int rows, int run, int columns, float *panels) {
  for (int i = 0; i < rows; i++, W += run * columns) {
    for (int k = 0; k < run; k += 8) {
      const int height = smaller(8, run - k);
      const float *from = W + k * columns;
      for (int f = 0; f < columns; f++, panels += 8)
        for (int q = 0; q < 8; q++) panels[q] = q < height ? from[q * columns + f] : 0;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// eˣ and its relatives, to 2 units in the last place or better; tests compare them with float64.
// Source of the polynomials: Moshier's Cephes, expf.c and logf.c.

// eʳ − 1 and 2ⁿ, with x = n ln 2 + r and |r| ≤ ½ ln 2. Beyond ±87 x is taken as ±87, so that all is finite.
INLINE f4 reduced_expm1(f4 x, f4 *power) {
  x = select(x < splat(-87.0f), splat(-87.0f), x);
  x = select(x > splat(87.0f), splat(87.0f), x);
  const f4 magic = splat(12582912.0f);  // 1.5 · 2²³: adding it rounds to a whole number, in the lowest bits
  const f4 z = x * splat(1.44269504088896341f) + magic, n = z - magic;
  *power = (f4)(((i4)z - (i4)magic + 127) << 23);
  const f4 r = x - n * splat(0.693359375f) + n * splat(2.12194440e-4f);
  f4 p = splat(1.9875691500E-4f);
  p = p * r + splat(1.3981999507E-3f);
  p = p * r + splat(8.3334519073E-3f);
  p = p * r + splat(4.1665795894E-2f);
  p = p * r + splat(1.6666665459E-1f);
  p = p * r + splat(5.0000001201E-1f);
  return p * (r * r) + r;
}

INLINE f4 exp4(f4 x) {
  f4 power;
  const f4 p = reduced_expm1(x, &power);
  return (p + 1.0f) * power;
}

INLINE f4 expm14(f4 x) {
  f4 power;
  const f4 p = reduced_expm1(x, &power);
  return power * p + (power - 1.0f);
}

// log x, for x > 0
INLINE f4 log4(f4 x) {
  const i4 bits = (i4)x;
  f4 m = (f4)((bits & 0x007fffff) | 0x3f000000);  // in [½, 1)
  const i4 low = m < splat(0.707106781186547524f);
  f4 e = __builtin_convertvector(((bits >> 23) & 255) - 126 + low, f4);  // low is −1 or 0
  m = m - 1.0f + (f4)((i4)m & low);
  const f4 z = m * m;
  f4 p = splat(7.0376836292E-2f);
  p = p * m - 1.1514610310E-1f;
  p = p * m + 1.1676998740E-1f;
  p = p * m - 1.2420140846E-1f;
  p = p * m + 1.4249322787E-1f;
  p = p * m - 1.6668057665E-1f;
  p = p * m + 2.0000714765E-1f;
  p = p * m - 2.4999993993E-1f;
  p = p * m + 3.3333331174E-1f;
  p = p * m * z - e * 2.12194440e-4f - 0.5f * z;
  return m + p + e * 0.693359375f;
}

INLINE f4 absolute(f4 x) { return (f4)((i4)x & 0x7fffffff); }

INLINE f4 with_sign_of(f4 y, f4 x) { return (f4)((i4)y | ((i4)x & (i4)splat(-0.0f))); }

// tanh |x| = −e / (e + 2), e = exp(−2 |x|) − 1
INLINE f4 tanh4(f4 x) {
  const f4 e = expm14(-2.0f * absolute(x));
  return with_sign_of(-e / (e + 2.0f), x);
}

// 1 / (1 + e⁻ˣ) above 0 and eˣ / (1 + eˣ) below
INLINE f4 sigmoid4(f4 x) {
  const f4 e = exp4(-absolute(x));
  return select(x < splat(0), e, splat(1.0f)) / (1.0f + e);
}

// log(1 + eˣ) = max(x, 0) + log(1 + e), e = exp(−|x|); the last term is what 1 + e has lost by rounding
INLINE f4 softplus4(f4 x) {
  const f4 e = exp4(-absolute(x)), u = 1.0f + e;
  return relu4(x) + (log4(u) + (e - (u - 1.0f)) / u);
}

enum { LINEAR, RELU, LEAKY_RELU, ELU, SILU, SIGMOID, TANH, SOFTPLUS };

#define LEAK 0.2f

INLINE f4 leaky(f4 v, f4 x) { return select(x > splat(0), v, LEAK * v); }

// y = activation(x); y may be x.
void EXPORT(activate)(int activation, const float *x, float *y, int n) {
#define BODY(part) v = relu4(part(x + i))
  if (activation == RELU) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = leaky(part(x + i), part(x + i))
  if (activation == LEAKY_RELU) EACH4(n, y, BODY);
#undef BODY
#define BODY(part)     \
  v = part(x + i);     \
  v = select(v > splat(0), v, expm14(v))
  if (activation == ELU) EACH4(n, y, BODY);
#undef BODY
#define BODY(part)     \
  v = part(x + i);     \
  v = v * sigmoid4(v)
  if (activation == SILU) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = sigmoid4(part(x + i))
  if (activation == SIGMOID) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = tanh4(part(x + i))
  if (activation == TANH) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = softplus4(part(x + i))
  if (activation == SOFTPLUS) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = part(x + i)
  if (activation == LINEAR && x != y) EACH4(n, y, BODY);
#undef BODY
}

// dx = dy · activation'(x), from y (from x for silu); dx may be dy.
void EXPORT(activate_backward)(int activation, const float *y, const float *dy, float *dx, int n) {
#define BODY(part) v = (f4)((i4)part(dy + i) & (part(y + i) > splat(0)))
  if (activation == RELU) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part) v = leaky(part(dy + i), part(y + i))
  if (activation == LEAKY_RELU) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part)     \
  f4 of = part(y + i); \
  v = part(dy + i) * select(of > splat(0), splat(1.0f), 1.0f + of)
  if (activation == ELU) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part)                       \
  f4 of = part(y + i), s = sigmoid4(of); \
  v = part(dy + i) * s * (1.0f + of * (1.0f - s))
  if (activation == SILU) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part)     \
  f4 of = part(y + i); \
  v = part(dy + i) * of * (1.0f - of)
  if (activation == SIGMOID) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part)     \
  f4 of = part(y + i); \
  v = part(dy + i) * (1.0f - of * of)
  if (activation == TANH) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part) v = part(dy + i) * -expm14(-part(y + i))
  if (activation == SOFTPLUS) EACH4(n, dx, BODY);
#undef BODY
#define BODY(part) v = part(dy + i)
  if (activation == LINEAR && dx != dy) EACH4(n, dx, BODY);
#undef BODY
}

// For tests: y = eˣ, eˣ − 1 or log x.
void EXPORT(elementary)(int which, const float *x, float *y, int n) {
#define BODY(part) v = exp4(part(x + i))
  if (which == 0) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = expm14(part(x + i))
  if (which == 1) EACH4(n, y, BODY);
#undef BODY
#define BODY(part) v = log4(part(x + i))
  if (which == 2) EACH4(n, y, BODY);
#undef BODY
}

// ---------------------------------------------------------------------------------------------------------------
// Copies and sums

void EXPORT(fill)(float *y, float value, int n) {
#define BODY(part) v = splat(value)
  EACH4(n, y, BODY);
#undef BODY
}

void EXPORT(add)(const float *a, const float *b, float *y, int n) {
#define BODY(part) v = part(a + i) + part(b + i)
  EACH4(n, y, BODY);
#undef BODY
}

void EXPORT(multiply)(const float *a, const float *b, float *y, int n) {
#define BODY(part) v = part(a + i) * part(b + i)
  EACH4(n, y, BODY);
#undef BODY
}

// y = a + factor · b
void EXPORT(add_times)(const float *a, float factor, const float *b, float *y, int n) {
#define BODY(part) v = part(a + i) + factor * part(b + i)
  EACH4(n, y, BODY);
#undef BODY
}

// Copy `rows` rows of `width` values; a row begins `from_step` values after the one before it, and `to_step`
// there.
void EXPORT(copy_rows)(const float *from, int from_step, float *to, int to_step, int width, int rows) {
  for (int r = 0; r < rows; r++, from += from_step, to += to_step) {
#define BODY(part) v = part(from + i)
    EACH4(width, to, BODY);
#undef BODY
  }
}

// Maps within zeros: rows × width values of each image go to (rows + top + bottom) × (left + width + right).
void EXPORT(pad)(const float *x, int images, int rows, int width, int top, int bottom, int left, int right,
                 float *y) {
  const int whole = left + width + right;
  for (int image = 0; image < images; image++, x += rows * width) {
    fill(y, 0, top * whole + left);
    y += top * whole + left;
    for (int r = 0; r < rows; r++, y += whole) {
      copy_rows(x + r * width, 0, y, 0, width, 1);
      fill(y + width, 0, right + (r + 1 < rows ? left : 0));
    }
    y -= left;
    fill(y, 0, bottom * whole);
    y += bottom * whole;
  }
}

// The transpose of pad: maps without their margins.
void EXPORT(crop)(const float *y, int images, int rows, int width, int top, int bottom, int left, int right,
                  float *x) {
  const int whole = left + width + right;
  for (int image = 0; image < images; image++, x += rows * width, y += (top + rows + bottom) * whole)
    copy_rows(y + top * whole + left, whole, x, width, width, rows);
}

// Σ x² in float64
double EXPORT(square_sum)(const float *x, int n) {
  double sums[4] = {};
  int i = 0;
  for (; i + 4 <= n; i += 4)
    for (int q = 0; q < 4; q++) sums[q] += (double)x[i + q] * x[i + q];
  for (; i < n; i++) sums[0] += (double)x[i] * x[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// ---------------------------------------------------------------------------------------------------------------
// The two ends of a network

// What each pixel becomes is in a table of 256 rows, one value for each channel.
void EXPORT(look_up)(const u8 *pixels, int n, const float *table, int channels, float *y) {
  if (channels == 1) {
    for (int i = 0; i < n; i++) y[i] = table[pixels[i]];
    return;
  }
  for (int i = 0; i < n; i++)
    for (int c = 0; c < channels; c++) *y++ = table[pixels[i] * channels + c];
}

// Σ over images of −Σ target · log softmax(z), in nats; dz = factor · (softmax(z) − target). *correct: how many
// images have their largest logit at the label. The part `smoothing` of the target is spread over all classes.
double EXPORT(cross_entropy)(const float *z, const u16 *labels, int images, int classes, float smoothing,
                             float factor, float *dz, int *correct) {
  double loss = 0;
  const float elsewhere = smoothing / (float)classes, here = 1.0f - smoothing + elsewhere;
  *correct = 0;
  for (int image = 0; image < images; image++, z += classes, dz += classes) {
    const int label = labels[image];
    int best = 0;
    for (int c = 1; c < classes; c++)
      if (z[c] > z[best]) best = c;
    const float most = z[best];
#define BODY(part) v = exp4(part(z + i) - most)
    EACH4(classes, dz, BODY);
#undef BODY
    float sum = 0;
    double wanted = 0;
    for (int c = 0; c < classes; c++) {
      sum += dz[c];
      wanted += (double)(z[c] - most) * (c == label ? here : elsewhere);
    }
    loss += log4(splat(sum))[0] - wanted;
    for (int c = 0; c < classes; c++) dz[c] = (dz[c] / sum - (c == label ? here : elsewhere)) * factor;
    *correct += best == label;
  }
  return loss;
}

// ---------------------------------------------------------------------------------------------------------------
// Windows over each channel by itself: pools and depthwise convolutions
//
// Where a window hangs over the map's edge, only its values inside the map count.

typedef struct {
  int rows, columns, channels;     // of the map
  int height, width;               // of the window
  int row_stride, column_stride;
  int top, left;                   // margins
  int R, C;                        // positions
} Windows;

// One position of a window. Its values (i, j) from (i0, j0) to before (i1, j1) lie inside the map; `from` is where
// (0, 0) would lie in x, `to` where the position's values lie in y.
typedef struct {
  int i0, i1, j0, j1, from, to;
} Window;

INLINE Window window_at(const Windows *w, int image, int r, int q) {
  const int row = r * w->row_stride - w->top, column = q * w->column_stride - w->left;
  return (Window){larger(0, -row),
                  smaller(w->height, w->rows - row),
                  larger(0, -column),
                  smaller(w->width, w->columns - column),
                  ((image * w->rows + row) * w->columns + column) * w->channels,
                  ((image * w->R + r) * w->C + q) * w->channels};
}

#define EACH_POSITION(w, images)                    \
  for (int image = 0; image < (images); image++)    \
    for (int r = 0; r < (w)->R; r++)                \
      for (int q = 0; q < (w)->C; q++)

#define EACH_INSIDE(at)                             \
  for (int i = (at).i0; i < (at).i1; i++)           \
    for (int j = (at).j0; j < (at).j1; j++)

// Where a window's value (i, j) of channel c lies in x.
#define PLACE(w, at, i, j, c) ((at).from + ((i) * (w)->columns + (j)) * (w)->channels + (c))

// Let `body` work on four channels at a time; it reads and writes by what it is given.
#define EACH_CHANNELS(channels, body)                           \
  for (int c = 0; c < (channels); c += 4) {                     \
    if (c + 4 <= (channels)) {                                  \
      body(load, store)                                         \
    } else {                                                    \
      const int rest = (channels)-c;                            \
      body(PART, STORE_PART)                                    \
    }                                                           \
  }
#define STORE_PART(p, v) store_part(p, v, rest)

// The larger one of each pair, the first of two equal ones; NaN stays NaN.
INLINE f4 larger4(f4 a, f4 b) { return select((b > a) | (b != b), b, a); }

static void max_pool_of(const Windows *w, const float *x, int images, float *y) {
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
#define BODY(get, put)                                                        \
  f4 most = get(x + PLACE(w, at, at.i0, at.j0, c));                                    \
  EACH_INSIDE(at) {                                           \
      most = larger4(most, get(x + PLACE(w, at, i, j, c)));                                       \
    }                                                                         \
  put(y + at.to + c, most);
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

// dx: filled with zeros by the caller.
static void max_pool_dx_of(const Windows *w, const float *x, const float *y, const float *dy, int images,
                           float *dx) {
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
#define BODY(get, put)                                                        \
  const f4 most = get(y + at.to + c), d = get(dy + at.to + c);                      \
  i4 open = (i4){-1, -1, -1, -1};                                             \
  EACH_INSIDE(at) {                                           \
      const int place = PLACE(w, at, i, j, c);                                      \
      const i4 found = (get(x + place) == most) & open;                          \
      const f4 share = (f4)((i4)d & found);                                   \
      open ^= found;                                                          \
      put(dx + place, get(dx + place) + share);                     \
    }
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

// Whether windows of 2×2 stand side by side inside the map, with at least four channels.
static int two_by_two(const Windows *w) {
  return w->height == 2 && w->width == 2 && w->row_stride == 2 && w->column_stride == 2 && w->top == 0 &&
         w->left == 0 && 2 * w->R <= w->rows && 2 * w->C <= w->columns && w->channels >= 4;
}

// For each 2×2 window and each four channels: `from` and `to` are their places in x and y. If the channels are no
// multiple of four, the last four of them overlap with those before, and are computed twice.
#define EACH_TWO_BY_TWO(w, images)                                             \
  for (int image = 0, row = (w)->columns * (w)->channels; image < (images); image++) \
    for (int r = 0; r < (w)->R; r++)                                           \
      for (int q = 0; q < (w)->C; q++)                                         \
        for (int c = 0, from = (image * (w)->rows + 2 * r) * row + 2 * q * (w)->channels,  \
                 to = ((image * (w)->R + r) * (w)->C + q) * (w)->channels;     \
             c < (w)->channels; c += 4)

#define FOUR(w, c) smaller(c, (w)->channels - 4)

void EXPORT(max_pool)(const Windows *w, const float *x, int images, float *y) {
  if (!two_by_two(w)) return max_pool_of(w, x, images, y);
  const int C = w->channels;
  EACH_TWO_BY_TWO(w, images) {
    const float *at = x + from + FOUR(w, c);
    const f4 above = larger4(load(at), load(at + C));
    store(y + to + FOUR(w, c), larger4(larger4(above, load(at + row)), load(at + row + C)));
  }
}

void EXPORT(max_pool_dx)(const Windows *w, const float *x, const float *y, const float *dy, int images, float *dx) {
  fill(dx, 0, images * w->rows * w->columns * w->channels);
  if (!two_by_two(w)) return max_pool_dx_of(w, x, y, dy, images, dx);
  const int C = w->channels;
  EACH_TWO_BY_TWO(w, images) {
    const f4 most = load(y + to + FOUR(w, c)), d = load(dy + to + FOUR(w, c));
    const float *at = x + from + FOUR(w, c);
    float *into = dx + from + FOUR(w, c);
    i4 found = load(at) == most, open = ~found;
    store(into, (f4)((i4)d & found));
    found = (load(at + C) == most) & open, open &= ~found;
    store(into + C, (f4)((i4)d & found));
    found = (load(at + row) == most) & open, open &= ~found;
    store(into + row, (f4)((i4)d & found));
    found = (load(at + row + C) == most) & open;
    store(into + row + C, (f4)((i4)d & found));
  }
}

void EXPORT(avg_pool)(const Windows *w, const float *x, int images, float *y) {
  if (two_by_two(w)) {
    const int C = w->channels;
    EACH_TWO_BY_TWO(w, images) {
      const float *at = x + from + FOUR(w, c);
      const f4 sum = load(at) + load(at + C) + load(at + row) + load(at + row + C);
      store(y + to + FOUR(w, c), sum / 4.0f);
    }
    return;
  }
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
    const float count = (float)((at.i1 - at.i0) * (at.j1 - at.j0));
#define BODY(get, put)                                                        \
  f4 sum = splat(0);                                                          \
  EACH_INSIDE(at) sum += get(x + PLACE(w, at, i, j, c));                      \
  put(y + at.to + c, sum / count);
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

void EXPORT(avg_pool_dx)(const Windows *w, const float *dy, int images, float *dx) {
  fill(dx, 0, images * w->rows * w->columns * w->channels);
  if (two_by_two(w)) {
    const int C = w->channels;
    EACH_TWO_BY_TWO(w, images) {
      float *into = dx + from + FOUR(w, c);
      const f4 share = load(dy + to + FOUR(w, c)) / 4.0f;
      store(into, share);
      store(into + C, share);
      store(into + row, share);
      store(into + row + C, share);
    }
    return;
  }
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
    const float count = (float)((at.i1 - at.i0) * (at.j1 - at.j0));
#define BODY(get, put)                                                        \
  const f4 share = get(dy + at.to + c) / count;                               \
  EACH_INSIDE(at) {                                                           \
    const int place = PLACE(w, at, i, j, c);                                  \
    put(dx + place, get(dx + place) + share);                                 \
  }
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

// The mean of each channel over `places` places. One place after another would round much, so rows of 32 are
// added.
void EXPORT(global_avg_pool)(const float *x, int images, int places, int channels, float *y) {
  for (int image = 0; image < images; image++, x += places * channels, y += channels) {
#define BODY(get, put)                                                        \
  f4 sum = splat(0);                                                          \
  for (int begin = 0; begin < places; begin += 32) {                          \
    f4 part = splat(0);                                                       \
    for (int m = begin; m < smaller(begin + 32, places); m++) part += get(x + m * channels + c); \
    sum += part;                                                              \
  }                                                                           \
  put(y + c, sum / (float)places);
    EACH_CHANNELS(channels, BODY)
#undef BODY
  }
}

void EXPORT(global_avg_pool_dx)(const float *dy, int images, int places, int channels, float *dx) {
  for (int image = 0; image < images; image++, dy += channels)
    for (int m = 0; m < places; m++, dx += channels) {
#define BODY(part) v = part(dy + i) / (float)places
      EACH4(channels, dx, BODY);
#undef BODY
    }
}

// z = Σ xᵢⱼ W[i, j] + b; W: (height, width, channels); b: (channels), or null
void EXPORT(depthwise)(const Windows *w, const float *x, int images, const float *W, const float *b, float *z) {
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
#define BODY(get, put)                                                        \
  f4 sum = b ? get(b + c) : splat(0);                                         \
  EACH_INSIDE(at)                                             \
      sum += get(x + PLACE(w, at, i, j, c)) * get(W + (i * w->width + j) * w->channels + c); \
  put(z + at.to + c, sum);
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

// dW[i, j] = Σ xᵢⱼ dz, db = Σ dz, image by image; add: whether to add to what they hold.
void EXPORT(depthwise_dW)(const Windows *w, const float *x, int images, const float *dz, int add, float *dW,
                          float *db) {
  const int channels = w->channels;
  for (int image = 0; image < images; image++, add = 1) {
    const float *of_image = x + image * w->rows * w->columns * channels, *d = dz + image * w->R * w->C * channels;
    for (int i = 0; i < w->height; i++)
      for (int j = 0; j < w->width; j++) {
        float *sums = dW + (i * w->width + j) * channels;
#define BODY(get, put)                                                        \
  f4 sum = splat(0);                                                          \
  for (int r = 0; r < w->R; r++) {                                            \
    const int row = r * w->row_stride + i - w->top;                           \
    if (row < 0 || row >= w->rows) continue;                                  \
    for (int q = 0; q < w->C; q++) {                                          \
      const int column = q * w->column_stride + j - w->left;                  \
      if (column < 0 || column >= w->columns) continue;                       \
      sum += get(of_image + (row * w->columns + column) * channels + c) * get(d + (r * w->C + q) * channels + c); \
    }                                                                         \
  }                                                                           \
  put(sums + c, add ? get(sums + c) + sum : sum);
        EACH_CHANNELS(channels, BODY)
#undef BODY
      }
    if (!db) continue;
#define BODY(get, put)                                                        \
  f4 sum = splat(0);                                                          \
  for (int m = 0; m < w->R * w->C; m++) sum += get(d + m * channels + c);     \
  put(db + c, add ? get(db + c) + sum : sum);
    EACH_CHANNELS(channels, BODY)
#undef BODY
  }
}

// dxᵢⱼ += dz W[i, j]
void EXPORT(depthwise_dx)(const Windows *w, const float *dz, int images, const float *W, float *dx) {
  fill(dx, 0, images * w->rows * w->columns * w->channels);
  EACH_POSITION(w, images) {
    const Window at = window_at(w, image, r, q);
#define BODY(get, put)                                                        \
  const f4 d = get(dz + at.to + c);                                              \
  EACH_INSIDE(at) {                                           \
      const int place = PLACE(w, at, i, j, c);                                      \
      put(dx + place, get(dx + place) + d * get(W + (i * w->width + j) * w->channels + c)); \
    }
    EACH_CHANNELS(w->channels, BODY)
#undef BODY
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Normalisation

typedef float f2 __attribute__((vector_size(8)));
typedef double d2 __attribute__((vector_size(16)));

INLINE d2 low_half(f4 v) { return __builtin_convertvector((f2){v[0], v[1]}, d2); }

INLINE d2 high_half(f4 v) { return __builtin_convertvector((f2){v[2], v[3]}, d2); }

// For each channel Σ x and Σ x², or with dy Σ dy and Σ dy (x − mean), over all positions: sums[0 … channels) and
// the following. They are float64, so that the variance is right even where the mean is a thousand times as large.
// add: whether to add to what sums holds.
void EXPORT(channel_sums)(const float *x, const float *dy, const float *mean, int positions, int channels, int add,
                          double *sums) {
  double *second = sums + channels;
#define BODY(get, put)                                                        \
  d2 s0 = {}, s1 = {}, t0 = {}, t1 = {};                                      \
  const f4 middle = dy ? get(mean + c) : splat(0);                            \
  for (int m = 0; m < positions; m++) {                                       \
    const f4 v = get(x + m * channels + c) - middle;                          \
    const f4 u = dy ? get(dy + m * channels + c) : v;                         \
    s0 += low_half(u), s1 += high_half(u);                                    \
    t0 += low_half(u) * low_half(v), t1 += high_half(u) * high_half(v);       \
  }                                                                           \
  const double found[8] = {s0[0], s0[1], s1[0], s1[1], t0[0], t0[1], t1[0], t1[1]}; \
  for (int q = 0; q < smaller(4, channels - c); q++) {                        \
    sums[c + q] = (add ? sums[c + q] : 0) + found[q];                         \
    second[c + q] = (add ? second[c + q] : 0) + found[4 + q];                 \
  }
  EACH_CHANNELS(channels, BODY)
#undef BODY
}

// y = factor · (x − mean) + offset, for each channel
void EXPORT(normalize)(const float *x, int positions, int channels, const float *mean, const float *factor,
                       const float *offset, float *y) {
  for (int m = 0; m < positions; m++, x += channels, y += channels) {
#define BODY(part) v = part(factor + i) * (part(x + i) - part(mean + i)) + part(offset + i)
    EACH4(channels, y, BODY);
#undef BODY
  }
}

// dx = factor · dy − slope · (x − mean) − offset, for each channel
void EXPORT(normalize_dx)(const float *x, const float *dy, int positions, int channels, const float *mean,
                          const float *factor, const float *slope, const float *offset, float *dx) {
  for (int m = 0; m < positions; m++, x += channels, dy += channels, dx += channels) {
#define BODY(part) \
  v = part(factor + i) * part(dy + i) - part(slope + i) * (part(x + i) - part(mean + i)) - part(offset + i)
    EACH4(channels, dx, BODY);
#undef BODY
  }
}

// t^−β; for the usual β = ¾ by roots, which is faster and rounds less
INLINE f4 power4(f4 t, float beta) {
  if (beta != 0.75f) return exp4(log4(t) * -beta);
  const f4 square_root = root(t);
  return 1.0f / (square_root * root(square_root));
}

// Σ of the 2 · reach + 1 neighbours of each place of a row, which has `reach` zeros at both ends
INLINE f4 neighbours(const float *row, int c, int reach) {
  f4 sum = splat(0);
  for (int o = 0; o <= 2 * reach; o++) sum += load(row + c + o);
  return sum;
}

// y = x t^−β, t = k + α Σ x²; row: room for channels + 2 · reach + 8 values, of which the caller has made zeros
void EXPORT(local_response)(const float *x, int positions, int channels, int reach, float alpha, float beta,
                            float k, float *row, float *y) {
  for (int m = 0; m < positions; m++, x += channels, y += channels) {
#define BODY(part) v = part(x + i) * part(x + i)
    EACH4(channels, row + reach, BODY);
#undef BODY
#define BODY(part) v = part(x + i) * power4(k + alpha * neighbours(row, i, reach), beta)
    EACH4(channels, y, BODY);
#undef BODY
  }
}

// dx = dy t^−β − 2 α β x Σ dy x t^(−β−1); row, inner: room as above; power: room for channels values
void EXPORT(local_response_dx)(const float *x, const float *dy, int positions, int channels, int reach, float alpha,
                               float beta, float k, float *row, float *inner, float *power, float *dx) {
  for (int m = 0; m < positions; m++, x += channels, dy += channels, dx += channels) {
#define BODY(part) v = part(x + i) * part(x + i)
    EACH4(channels, row + reach, BODY);
#undef BODY
#define BODY(part) v = power4(k + alpha * neighbours(row, i, reach), beta)
    EACH4(channels, power, BODY);
#undef BODY
#define BODY(part) \
  v = part(dy + i) * part(x + i) * part(power + i) / (k + alpha * neighbours(row, i, reach))
    EACH4(channels, inner + reach, BODY);
#undef BODY
#define BODY(part) \
  v = part(dy + i) * part(power + i) - 2.0f * alpha * beta * part(x + i) * neighbours(inner, i, reach)
    EACH4(channels, dx, BODY);
#undef BODY
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Random numbers without a state, as MNIST/data/counter_random.py: the number at a position of a seed's stream

INLINE u64 splitmix(u64 seed, u64 position) {
  u64 z = seed + (position + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

u64 EXPORT(splitmix64)(u64 seed, u64 position) { return splitmix(seed, position); }

INLINE double from_minus_one_to_one(u64 number) { return (double)(number >> 11) / 4503599627370496.0 - 1; }

// Numbers [begin, begin + n) of a stream that is cut into halves of 32 bits, the lower half first.
INLINE u32 half(u64 seed, u32 at) { return (u32)(splitmix(seed, at >> 1) >> (at & 1 ? 32 : 0)); }

typedef u64 two_numbers __attribute__((vector_size(16)));

// mask = scale where a number of 32 bits is at least `least`, else 0. Four at a time are compared as a vector: one
// by one, the processor would foretell wrongly which are kept, and take three times as long.
void EXPORT(draw_mask)(u64 seed, u32 begin, int n, u32 least, float scale, float *mask) {
  int i = 0;
  if (begin & 1 && n) mask[i++] = half(seed, begin) >= least ? scale : 0;
  const u4 limit = {least, least, least, least};
  for (; i < n; i += 4) {
    const u32 at = (begin + (u32)i) >> 1;
    const u4 numbers = (u4)(two_numbers){splitmix(seed, at), splitmix(seed, at + 1)};
    const f4 four = (f4)((i4)(numbers >= limit) & (i4)splat(scale));
    if (i + 4 <= n)
      store(mask + i, four);
    else
      store_part(mask + i, four, n - i);
  }
}

// sin x and cos x of |x| ≤ 100, to a unit in the last place. Source: Sun's fdlibm, k_sin.c and k_cos.c.
static void sin_cos(double x, double *sine, double *cosine) {
  const double n = __builtin_rint(x * 6.36619772367581382433e-01), high = x - n * 1.57079632673412561417e+00;
  const double low = n * 6.07710050650619224932e-11, r = high - low, tail = (high - r) - low, z = r * r;
  double p = 1.58969099521155010221e-10;
  p = p * z - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  const double s = r - ((z * (0.5 * tail - z * r * p) - tail) + z * r * 1.66666666666666324348e-01);
  double q = -1.13596475577881948265e-11;
  q = q * z + 2.08757232129817482790e-09;
  q = q * z - 2.75573143513906633035e-07;
  q = q * z + 2.48015872894767294178e-05;
  q = q * z - 1.38888888888741095749e-03;
  q = q * z + 4.16666666666666019037e-02;
  const double half_z = 0.5 * z, w = 1 - half_z;
  const double c = w + (((1 - w) - half_z) + (z * z * q - r * tail));
  const int turn = (int)n & 3;
  *sine = turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c;
  *cosine = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
}

// log x of x > 0. Source: Sun's fdlibm, e_log.c.
static double logarithm(double x) {
  u64 bits;
  __builtin_memcpy(&bits, &x, 8);
  int e = (int)(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
  double m;
  __builtin_memcpy(&m, &bits, 8);
  if (m > 1.41421356237309504880) m *= 0.5, e++;
  const double f = m - 1, s = f / (2 + f), z = s * s, w = z * z, half_square = 0.5 * f * f;
  const double t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double t2 = z * (6.666666666666735130e-01 +
                         w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  return e * 6.93147180369123816490e-01 -
         ((half_square - (s * (half_square + t1 + t2) + e * 1.90821492927058770002e-10)) - f);
}

// Normally distributed numbers [begin, begin + n) of a stream, two from each of its numbers' two halves.
// Source: Box and Muller (1958), A note on the generation of random normal deviates.
void EXPORT(draw_normal)(u64 seed, u32 begin, int n, double scale, float *y) {
  for (int i = 0; i < n;) {
    const u32 at = begin + (u32)i;
    const u64 two = splitmix(seed, at >> 1);
    const double u = ((double)(u32)two + 0.5) / 4294967296.0, angle = (double)(two >> 32) / 4294967296.0;
    const double radius = scale * __builtin_sqrt(-2 * logarithm(u));
    double s, c;
    sin_cos(6.283185307179586477 * angle, &s, &c);
    if (!(at & 1)) y[i++] = (float)(radius * c);
    if (i < n) y[i++] = (float)(radius * s);
  }
}

// Numbers evenly distributed between −limit and limit.
void EXPORT(draw_uniform)(u64 seed, int n, double limit, float *y) {
  for (int i = 0; i < n; i++) y[i] = (float)(limit * from_minus_one_to_one(splitmix(seed, (u64)i)));
}

// ---------------------------------------------------------------------------------------------------------------
// `Augment:`, bit for bit as MNIST/data/augmentation.py, which explains each step

enum { SIDE = 28, PIXELS = SIDE * SIDE, AMOUNTS = 6, PADDED = SIDE + 4 };
#define CENTRE 13.5

// The row and the column of the original image from which each pixel takes its value.
static void affine_sources(const double *amounts, float *rows, float *columns) {
  const double down = amounts[1], right = amounts[2], height = 1 + amounts[3], width = 1 + amounts[4];
  double sine, cosine, slant_sine, slant_cosine;
  sin_cos(amounts[0], &sine, &cosine);
  sin_cos(amounts[5], &slant_sine, &slant_cosine);
  const double tangent = slant_sine / slant_cosine;
  const double row_of_r = cosine / height, row_of_c = sine / height;
  const double column_of_r = (cosine * tangent - sine) / width, column_of_c = (sine * tangent + cosine) / width;
  float row_part[SIDE], column_part[SIDE];
  for (int j = 0; j < SIDE; j++) {
    const double c = j - CENTRE - right;
    row_part[j] = (float)(row_of_c * c);
    column_part[j] = (float)(column_of_c * c);
  }
  for (int i = 0; i < SIDE; i++) {
    const double r = i - CENTRE - down;
    const float row = (float)(row_of_r * r + CENTRE), column = (float)(column_of_r * r + CENTRE);
    for (int j = 0; j < SIDE; j++) {
      *rows++ = row + row_part[j];
      *columns++ = column + column_part[j];
    }
  }
}

// y = a b, both 28×28
static void square_product(const double *a, const double *b, double *y) {
  for (int i = 0; i < SIDE; i++, a += SIDE, y += SIDE)
    for (int begin = 0; begin < SIDE; begin += 4) {
      d2 s0 = {}, s1 = {};
      const double *from = b + begin;
      for (int j = 0; j < SIDE; j++, from += SIDE) {
        s0 += a[j] * (d2){from[0], from[1]};
        s1 += a[j] * (d2){from[2], from[3]};
      }
      y[begin] = s0[0], y[begin + 1] = s0[1], y[begin + 2] = s1[0], y[begin + 3] = s1[1];
    }
}

// Add to rows and columns how far each pixel's value comes from elsewhere: smoothed noise times alpha.
static void add_displacements(u64 key, double alpha, const double *G, float *rows, float *columns) {
  static double noise[2 * PIXELS], once[PIXELS], smoothed[PIXELS];
  for (int n = 0; n < 2 * PIXELS / 8; n++) {
    u64 eight = splitmix(key, (u64)(AMOUNTS + n));
    for (int byte = 0; byte < 8; byte++, eight >>= 8) noise[8 * n + byte] = (signed char)(eight & 255) + 0.5;
  }
  for (int axis = 0; axis < 2; axis++) {
    float *to = axis ? columns : rows;
    square_product(G, noise + axis * PIXELS, once);
    square_product(once, G, smoothed);
    for (int i = 0; i < PIXELS; i++) to[i] += (float)(smoothed[i] * (alpha / 128));
  }
}

INLINE float clipped(float v) { return v < -1 ? -1 : v > SIDE ? SIDE : v; }

static void interpolate(const u8 *image, const float *rows, const float *columns, float paper, u8 *to) {
  static float padded[(SIDE + 3) * PADDED];
  for (int i = 0; i < (SIDE + 3) * PADDED; i++) padded[i] = paper;
  for (int i = 0; i < PIXELS; i++) padded[(1 + i / SIDE) * PADDED + 1 + i % SIDE] = image[i];
  for (int i = 0; i < PIXELS; i++) {
    const float row = clipped(rows[i]), column = clipped(columns[i]);
    const float top = __builtin_floorf(row), left = __builtin_floorf(column);
    const float down = row - top, right = column - left;
    const float *at = padded + ((int)top + 1) * PADDED + (int)left + 1;
    const float value = at[0] + (at[1] - at[0]) * right;
    const float below = at[PADDED] + (at[PADDED + 1] - at[PADDED]) * right;
    to[i] = (u8)__builtin_rintf(value + (below - value) * down);
  }
}

// images: those with the numbers which[0 … n). most: the largest of each of the six amounts. G: the Gaussian
// matrix, or null without Elastic.
void EXPORT(augment)(u64 seed, const u8 *images, const u32 *which, int n, const double *most, double alpha,
                     const double *G, int paper, u8 *to) {
  static float rows[PIXELS], columns[PIXELS];
  for (int k = 0; k < n; k++, images += PIXELS, to += PIXELS) {
    const u64 key = splitmix(seed, which[k]);
    double amounts[AMOUNTS];
    for (int i = 0; i < AMOUNTS; i++) amounts[i] = most[i] * from_minus_one_to_one(splitmix(key, (u64)i));
    affine_sources(amounts, rows, columns);
    if (G) add_displacements(key, alpha, G, rows, columns);
    interpolate(images, rows, columns, (float)paper, to);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Optimizers: w the weights, g the gradients, the others what the optimizer remembers; all but g are changed.

void EXPORT(sgd)(float *w, const float *g, int n, float rate) {
#define BODY(part) v = part(w + i) - rate * part(g + i)
  EACH4(n, w, BODY);
#undef BODY
}

void EXPORT(momentum)(float *w, const float *g, float *velocity, int n, float rate, float momentum, int nesterov) {
#define BODY(part) v = momentum * part(velocity + i) - rate * part(g + i)
  EACH4(n, velocity, BODY);
#undef BODY
  if (nesterov) {
#define BODY(part) v = part(w + i) + (momentum * part(velocity + i) - rate * part(g + i))
    EACH4(n, w, BODY);
#undef BODY
  } else {
    add(w, velocity, w, n);
  }
}

// velocity: null without momentum
void EXPORT(rmsprop)(float *w, const float *g, float *s, float *velocity, int n, float rate, float fresh,
                     float momentum, float epsilon) {
#define BODY(part) v = part(s + i) + fresh * (part(g + i) * part(g + i) - part(s + i))
  EACH4(n, s, BODY);
#undef BODY
#define STEP(part) (rate * part(g + i) / root(part(s + i) + epsilon))
  if (velocity) {
#define BODY(part) v = part(velocity + i) * momentum + STEP(part)
    EACH4(n, velocity, BODY);
#undef BODY
#define BODY(part) v = part(w + i) - part(velocity + i)
    EACH4(n, w, BODY);
#undef BODY
  } else {
#define BODY(part) v = part(w + i) - STEP(part)
    EACH4(n, w, BODY);
#undef BODY
  }
#undef STEP
}

// decay: what w is multiplied by first. step, epsilon: those of the sums M and S, which optimizers.js explains.
void EXPORT(adam)(float *w, const float *g, float *M, float *S, int n, float beta1, float beta2, float epsilon,
                  float step, float decay) {
  for (int i = 0; i < n; i += 4) {
    const int rest = smaller(4, n - i);
#define GET(p) (rest == 4 ? load((p) + i) : load_part((p) + i, rest))
#define PUT(p, v) (rest == 4 ? store((p) + i, v) : store_part((p) + i, v, rest))
    const f4 of = GET(g), m = GET(M) * beta1 + of, v = GET(S) * beta2 + of * of;
    PUT(M, m);
    PUT(S, v);
    PUT(w, GET(w) * decay - m / (root(v) + epsilon) * step);
#undef GET
#undef PUT
  }
}

void EXPORT(adagrad)(float *w, const float *g, float *s, int n, float rate, float epsilon) {
#define BODY(part) v = part(s + i) + part(g + i) * part(g + i)
  EACH4(n, s, BODY);
#undef BODY
#define BODY(part) v = part(w + i) - rate * part(g + i) / root(part(s + i) + epsilon)
  EACH4(n, w, BODY);
#undef BODY
}

// ---------------------------------------------------------------------------------------------------------------
// Columns: votes as logits, factor · the number of firing neurons of each column; sums in the order of connections

void EXPORT(columns)(const float *x, int images, int inputs, int classes, int neurons, int connections,
                     const float *sources, const float *weights, const float *thresholds, float factor, float *y) {
  for (int image = 0; image < images; image++, x += inputs)
    for (int class = 0, neuron = 0; class < classes; class++) {
      int votes = 0;
      for (int end = neuron + neurons; neuron < end; neuron++) {
        const float *from = sources + neuron * connections, *weight = weights + neuron * connections;
        float sum = 0;
        for (int k = 0; k < connections; k++) sum += weight[k] * x[(int)from[k]];
        votes += sum - thresholds[neuron] > 0;
      }
      *y++ = factor * (float)votes;
    }
}
