import type { LayerSpread, SpreadRack } from '@shoal/api'
import { useCallback, useMemo } from 'react'
import { colourOf } from '../app/theme.ts'
import { placeName } from '../format/names.ts'
import { formatBytes, formatRate, shareOf } from '../format/quantity.ts'
import { type RackLinks, rackLinks } from './rack-links.ts'
import { type Surface, useCanvas } from './use-canvas.ts'

const HEIGHT_PX = 320
/** More racks than this are not told apart in a ring; the largest are shown. */
const MAX_RACKS = 36
const collator = new Intl.Collator('en', { numeric: true })

/**
 * The seed in the middle and the racks around it: a rack's disk is as large as it has nodes and as full as they have of the layer; lines
 * are as thick as what the seed, or another rack, sends there, the ring around it as what its nodes get from each other.
 */
export function SwarmGraph({ spread: { racks, flows, stretches, stretchBytes } }: { spread: LayerSpread }) {
  const sizeBytes = stretches * stretchBytes
  const links = useMemo(() => rackLinks(flows), [flows])
  const draw = useCallback(
    (surface: Surface) => drawGraph(surface, { racks, links, sizeBytes }),
    [racks, links, sizeBytes],
  )
  const canvas = useCanvas(draw)
  const label = describe(links, racks.length)
  return (
    <figure className="shoal-figure">
      <canvas ref={canvas} style={{ height: HEIGHT_PX }} role="img" aria-label={label} />
      <figcaption className="shoal-legend">
        <span>{label}</span>
        <span>
          <i className="shoal-swatch shoal-line-seed" /> from the seed
        </span>
        <span>
          <i className="shoal-swatch shoal-line-nodes" /> from nodes: of other racks as lines, of the same one as rings
        </span>
        {racks.length > MAX_RACKS ? <span>The largest {MAX_RACKS} racks are shown.</span> : null}
      </figcaption>
    </figure>
  )
}

function describe({ isLive, sums }: RackLinks, racks: number): string {
  const format = isLive ? formatRate : formatBytes
  const [seed, between, within] = [format(sums.fromSeed), format(sums.between), format(sums.within)]
  return isLive
    ? `Now: ${seed} from the seed to ${racks} racks, ${between} from rack to rack, ${within} inside racks.`
    : `So far: ${seed} from the seed to ${racks} racks, ${between} from rack to rack, ${within} inside racks. Nothing moves now.`
}

interface Graph {
  readonly racks: readonly SpreadRack[]
  readonly links: RackLinks
  readonly sizeBytes: number
}

function drawGraph({ context, width, height }: Surface, { racks, links, sizeBytes }: Graph): void {
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
  const maxRadius = Math.max(5, Math.min(22, (Math.PI * (rx + ry)) / Math.max(3, shown.length) / 4.5))
  const thickness = (share = 0) => (share === 0 ? 0 : 1 + 9 * Math.sqrt(share))
  context.font = '12px sans-serif'
  context.textAlign = 'center'
  const places = new Map(
    shown.map((rack, index): [string, Point] => {
      const angle = (index / shown.length) * 2 * Math.PI - Math.PI / 2
      return [placeName(rack), [x + rx * Math.cos(angle), y + ry * Math.sin(angle)]]
    }),
  )
  for (const { from, to, share } of links.between) {
    const [one, other] = [places.get(from), places.get(to)]
    if (one === undefined || other === undefined) continue
    bow(context, { from: one, to: other, middle: [x, y], width: thickness(share) * 0.7, colour: colours.nodes })
  }
  for (const rack of shown) {
    const name = placeName(rack)
    const [left, top] = places.get(name) ?? [x, y]
    const radius = Math.max(4, maxRadius * Math.sqrt(rack.nodes / mostNodes))
    line(context, { from: [x, y], to: [left, top], width: thickness(links.fromSeed.get(name)), colour: colours.seed })
    disk(context, {
      at: [left, top],
      radius: radius + Math.min(6, thickness(links.within.get(name)) * 0.6),
      colour: links.within.has(name) ? colours.nodes : colours.idle,
    })
    disk(context, { at: [left, top], radius, colour: colours.idle })
    const share = rack.complete === rack.nodes ? 1 : shareOf(rack.presentBytes, rack.nodes * sizeBytes)
    wedge(context, { at: [left, top], radius, share, colour: share === 1 ? colours.ok : colours.part })
    context.fillStyle = colours.text
    const isAbove = top < y - ry / 2
    if (shown.length <= 20) context.fillText(name, left, isAbove ? top - radius - 12 : top + radius + 20)
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

/** A line that bends towards the middle of the graph. There and back are two lines, beside each other. */
function bow(
  context: CanvasRenderingContext2D,
  { from, to, middle, width, colour }: { from: Point; to: Point; middle: Point; width: number; colour: string },
) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  const half = (axis: 0 | 1) => (from[axis] + to[axis]) / 2
  // From half way a third towards the middle, and a little to the right of the way.
  const bend = (axis: 0 | 1, aside: number) => half(axis) + (middle[axis] - half(axis)) / 3 + aside
  context.strokeStyle = colour
  context.lineWidth = width
  context.globalAlpha = 0.75
  context.beginPath()
  context.moveTo(...from)
  context.quadraticCurveTo(bend(0, -dy * 0.08), bend(1, dx * 0.08), ...to)
  context.stroke()
  context.globalAlpha = 1
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
