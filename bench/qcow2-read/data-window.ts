import { measureCommand } from '../layers/measure-command.ts'

const CELL_BYTES = 4 * 1024 ** 2
const MIN_DATA_SHARE = 0.9

interface QemuExtent {
  readonly start: number
  readonly length: number
  readonly data: boolean
}

/** The run of a disk with the most data of which nine tenths or more are data: holes are read by nobody's decoder. */
export async function dataWindow(image: string): Promise<{ offset: number; length: number; dataBytes: number }> {
  const { stdout } = await measureCommand(['qemu-img', 'map', '--output=json', '-f', 'qcow2', image])
  const extents = JSON.parse(stdout) as QemuExtent[]
  const cells = cellsOf(extents)
  let best = { offset: 0, length: CELL_BYTES, dataBytes: 0 }
  for (let first = 0; first < cells.length; first += 1) {
    let dataBytes = 0
    for (let last = first; last < cells.length; last += 1) {
      dataBytes += cells[last] ?? 0
      const length = (last - first + 1) * CELL_BYTES
      if (dataBytes > best.dataBytes && dataBytes >= MIN_DATA_SHARE * length) {
        best = { offset: first * CELL_BYTES, length, dataBytes }
      }
    }
  }
  return best
}

/** Bytes of data in each cell of the disk; what is left of the last is not looked at. */
function cellsOf(extents: readonly QemuExtent[]): number[] {
  const last = extents.at(-1)
  const cells = Array<number>(Math.floor(((last?.start ?? 0) + (last?.length ?? 0)) / CELL_BYTES)).fill(0)
  for (const { start, length, data } of extents) {
    for (let at = start; data && at < start + length; ) {
      const cell = Math.floor(at / CELL_BYTES)
      const end = Math.min(start + length, (cell + 1) * CELL_BYTES)
      if (cell < cells.length) cells[cell] = (cells[cell] ?? 0) + end - at
      at = end
    }
  }
  return cells
}
