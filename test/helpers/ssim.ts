import type { Area, Picture } from './picture.ts'

const windowPixels = 8
const stridePixels = 4

/** Structural similarity of an area of two pictures: mean over windows of 8 x 8 of their lightness; 1 = the same. */
export function ssim(a: Picture, b: Picture, area: Area): number {
  let sum = 0
  let count = 0
  for (let y = area.y; y + windowPixels <= area.y + area.height; y += stridePixels)
    for (let x = area.x; x + windowPixels <= area.x + area.width; x += stridePixels) {
      sum += windowSsim(a, b, x, y)
      count += 1
    }
  return sum / count
}

function windowSsim(a: Picture, b: Picture, left: number, top: number): number {
  const n = windowPixels ** 2
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0]
  for (let y = top; y < top + windowPixels; y++)
    for (let x = left; x < left + windowPixels; x++) {
      const la = lightness(a, x, y)
      const lb = lightness(b, x, y)
      sa += la
      sb += lb
      saa += la * la
      sbb += lb * lb
      sab += la * lb
    }
  const [ma, mb] = [sa / n, sb / n]
  const [va, vb, cov] = [saa / n - ma * ma, sbb / n - mb * mb, sab / n - ma * mb]
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2]
  return ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
}

function lightness({ width, rgb }: Picture, x: number, y: number): number {
  const at = (y * width + x) * 3
  return 0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!
}
