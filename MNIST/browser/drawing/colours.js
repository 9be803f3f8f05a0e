// The colours of the page's style, for canvases.

/** A colour that the style sets as red, green and blue: three numbers from 0 to 255. variable: such as --positive. */
export function rgb(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim().split(" ").map(Number);
}
