import type { LayerSpread, SpreadRack } from '@shoal/api'
import { useCallback } from 'react'
import { colourOf } from '../app/theme.ts'
import { placeName } from '../format/names.ts'
import { formatBytes, shareOf } from '../format/quantity.ts'
import { type Surface, useCanvas } from './use-canvas.ts'

const HEIGHT_PX = 320
/** More racks than this are not told apart in a ring; the largest are shown. */
const MAX_RACKS = 36
const collator = new Intl.Collator('en', { numeric: true })

/**
 * The seed in the middle and the racks around it: a rack's disk is as large as it has nodes and as full as they have of the layer, the
 * line to it as thick as what the seed sent there, the ring around it as thick as what it got from nodes.
 */
export function SwarmGraph({ spread: { racks, stretches, stretchBytes } }: { spread: LayerSpread }) {
  const sizeBytes = stretches * stretchBytes
  const draw = useCallback((surface: Surface) => drawGraph(surface, racks, sizeBytes), [racks, sizeBytes])
  const canvas = useCanvas(draw)
  const fromSeed = racks.reduce((sum, rack) => sum + rack.fromOriginBytes, 0)
  const fromNodes = racks.reduce((sum, rack) => sum + rack.fromPeersBytes, 0)
  const label = `The seed sent ${formatBytes(fromSeed)} to ${racks.length} racks, whose nodes got ${formatBytes(fromNodes)} from each other.`
  return (
    <figure className="shoal-figure">
      <canvas ref={canvas} style={{ height: HEIGHT_PX }} role="img" aria-label={label} />
      <figcaption className="shoal-legend">
        <span>{label}</span>
        <span>
          <i className="shoal-swatch shoal-line-seed" /> from the seed
        </span>
        <span>
          <i className="shoal-swatch shoal-line-nodes" /> from nodes
        </span>
        {racks.length > MAX_RACKS ? <span>The largest {MAX_RACKS} racks are shown.</span> : null}
      </figcaption>
    </figure>
  )
}

function drawGraph({ context, width, height }: Surface, racks: readonly SpreadRack[], sizeBytes: number): void {
  const shown = [...racks]
    .sort((a, b) => b.nodes - a.nodes)
    .slice(0, MAX_RACKS)
    .sort((a, b) => collator.compare(placeName(a), placeName(b)))
  const colours = {
    text: colourOf('text'),
    idle: colourOf('idle'),
    part: colourOf('part'),
    ok: colourOf('ok'),
    seed: colourOf('series-2'),
    nodes: colourOf('series-3'),
  }
  const [x, y] = [width / 2, height / 2]
  const [rx, ry] = [width / 2 - 60, height / 2 - 52]
  const mostNodes = Math.max(1, ...shown.map(({ nodes }) => nodes))
  const mostBytes = Math.max(
    1,
    ...shown.flatMap(({ fromOriginBytes, fromPeersBytes }) => [fromOriginBytes, fromPeersBytes]),
  )
  const maxRadius = Math.max(5, Math.min(22, (Math.PI * (rx + ry)) / Math.max(3, shown.length) / 4.5))
  const thickness = (bytes: number) => (bytes === 0 ? 0 : 1 + 9 * Math.sqrt(bytes / mostBytes))
  context.font = '12px sans-serif'
  context.textAlign = 'center'
  for (const [index, rack] of shown.entries()) {
    const angle = (index / shown.length) * 2 * Math.PI - Math.PI / 2
    const [left, top] = [x + rx * Math.cos(angle), y + ry * Math.sin(angle)]
    const radius = Math.max(4, maxRadius * Math.sqrt(rack.nodes / mostNodes))
    line(context, { from: [x, y], to: [left, top], width: thickness(rack.fromOriginBytes), colour: colours.seed })
    disk(context, {
      at: [left, top],
      radius: radius + Math.min(6, thickness(rack.fromPeersBytes) * 0.6),
      colour: rack.fromPeersBytes > 0 ? colours.nodes : colours.idle,
    })
    disk(context, { at: [left, top], radius, colour: colours.idle })
    const share = rack.complete === rack.nodes ? 1 : shareOf(rack.presentBytes, rack.nodes * sizeBytes)
    wedge(context, { at: [left, top], radius, share, colour: share === 1 ? colours.ok : colours.part })
    context.fillStyle = colours.text
    const isAbove = top < y - ry / 2
    if (shown.length <= 20) context.fillText(placeName(rack), left, isAbove ? top - radius - 12 : top + radius + 20)
  }
  disk(context, { at: [x, y], radius: 18, colour: colours.seed })
  context.fillStyle = colours.text
  context.fillText('seed', x, y + 34)
}

type Point = readonly [number, number]

function line(
  context: CanvasRenderingContext2D,
  { from, to, width, colour }: { from: Point; to: Point; width: number; colour: string },
) {
  if (width === 0) return
  context.strokeStyle = colour
  context.lineWidth = width
  context.beginPath()
  context.moveTo(...from)
  context.lineTo(...to)
  context.stroke()
}

function disk(
  context: CanvasRenderingContext2D,
  { at, radius, colour }: { at: Point; radius: number; colour: string },
) {
  wedge(context, { at, radius, share: 1, colour })
}

/** A part of a disk, from its top on. */
function wedge(
  context: CanvasRenderingContext2D,
  { at: [x, y], radius, share, colour }: { at: Point; radius: number; share: number; colour: string },
) {
  if (share <= 0) return
  context.fillStyle = colour
  context.beginPath()
  if (share < 1) context.moveTo(x, y)
  context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI)
  context.fill()
}
