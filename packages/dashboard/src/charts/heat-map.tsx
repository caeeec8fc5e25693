import type { LayerSpread } from '@shoal/api'
import { type MouseEvent, useCallback, useMemo } from 'react'
import { colourOf } from '../app/theme.ts'
import { formatBytes, formatCount, formatShare } from '../format/quantity.ts'
import { heatRows } from './heat-rows.ts'
import { type Surface, useCanvas } from './use-canvas.ts'

const HEIGHT_PX = 320
const MAX_ROWS = 320
const MAX_ROW_PX = 24

/** Nodes by stretches of a layer: dark where it is, pale where it is not. */
export function HeatMap({ spread }: { spread: LayerSpread }) {
  const heat = useMemo(() => heatRows(spread, MAX_ROWS), [spread])
  const height = Math.min(HEIGHT_PX, Math.max(24, heat.rows * MAX_ROW_PX))
  const draw = useCallback((surface: Surface) => drawHeat(surface, heat), [heat])
  const canvas = useCanvas(draw)
  const complete = spread.nodes.filter(({ state }) => state === 'complete').length
  const show = (event: MouseEvent<HTMLCanvasElement>) => {
    const { clientWidth, clientHeight } = event.currentTarget
    const { offsetX, offsetY } = event.nativeEvent
    const node = spread.nodes[Math.floor((offsetY / clientHeight) * heat.rows) * heat.nodesARow]
    const stretch = Math.floor((offsetX / clientWidth) * heat.stretches)
    if (node === undefined) return
    const others = heat.nodesARow > 1 ? ` and ${heat.nodesARow - 1} that follow` : ''
    event.currentTarget.title = `${node.node}${others}, at ${formatBytes(stretch * spread.stretchBytes)}: ${told(node.map[stretch])}`
  }
  if (spread.nodes.length === 0) return <p>No node holds or wants it.</p>
  const label = `${formatCount(complete)} of ${formatCount(spread.nodes.length)} nodes have all of the layer. The table of racks below has the sums.`
  return (
    <figure className="shoal-figure">
      <canvas ref={canvas} style={{ height }} role="img" aria-label={label} onMouseMove={show} />
      <figcaption className="shoal-legend">
        <span>{label}</span>
        {heat.nodesARow > 1 ? <span>A row is the mean of {heat.nodesARow} nodes.</span> : null}
      </figcaption>
    </figure>
  )
}

function told(digit: string | undefined): string {
  return digit === undefined ? 'not known' : formatShare(Number.parseInt(digit, 16) / 15)
}

function drawHeat({ context, width, height }: Surface, { rows, stretches, shares }: ReturnType<typeof heatRows>): void {
  if (rows === 0) return
  const [from, to] = [toRgb(context, colourOf('idle')), toRgb(context, colourOf('part'))]
  const image = new ImageData(stretches, rows)
  for (let index = 0; index < shares.length; index += 1) {
    const share = shares[index] ?? -1
    for (let channel = 0; channel < 3; channel += 1) {
      const [a = 0, b = 0] = [from[channel], to[channel]]
      image.data[index * 4 + channel] = a + ((b - a) * Math.max(0, share)) / 255
    }
    // What nobody knows is half transparent.
    image.data[index * 4 + 3] = share < 0 ? 90 : 255
  }
  const small = new OffscreenCanvas(stretches, rows)
  small.getContext('2d')?.putImageData(image, 0, 0)
  context.imageSmoothingEnabled = false
  context.drawImage(small, 0, 0, width, height)
}

/** Any colour as three numbers: a context gives back what it was told as #rrggbb. */
function toRgb(context: CanvasRenderingContext2D, colour: string): number[] {
  context.fillStyle = colour
  const told = String(context.fillStyle)
  return [1, 3, 5].map((start) => Number.parseInt(told.slice(start, start + 2), 16) || 0)
}
