import { createHash } from 'node:crypto'
import type { LayerFormat } from '@shoal/core'
import { shellQuoted, xmlEscaped } from '../quoting.ts'

/** A layer of a chain as QEMU and libvirt are to open it. */
export interface ChainLayer {
  readonly path: string
  readonly format: LayerFormat
}

export interface ChainParts {
  readonly name: string
  readonly layer: string
  readonly virtualSizeBytes: number
  /** The topmost first. */
  readonly layers: readonly ChainLayer[]
  readonly overlay: string
}

/** How an overlay is opened above layers: for programs, for a shell, and for a domain of libvirt. */
export interface ChainDescription {
  readonly name: string
  readonly layer: string
  readonly virtualSizeBytes: number
  readonly overlay: string
  /** Of what a device is to use as its `drive`. */
  readonly nodeName: string
  /** Arguments of `blockdev-add` (QMP) or `-blockdev`, in this order. */
  readonly blockdev: readonly BlockNode[]
  /** The layers without the overlay, to be read: an image name for qemu-img, qemu-nbd and the like. */
  readonly image: string
  /** A part of QEMU's command line, quoted for a shell. */
  readonly qemu: string
  /** A disk of a libvirt domain. */
  readonly libvirt: string
}

type BlockNode = Readonly<Record<string, unknown>>

/**
 * Describes a chain with every format and path named: nothing is guessed, and what a header says of a backing file does
 * not count. (A middle says nothing of its base: opened by itself it would show zeros for what is in the base, without
 * an error.)
 */
export function describeChain(parts: ChainParts): ChainDescription {
  const { name, layer, virtualSizeBytes, overlay } = parts
  const prefix = `shoal-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  const nodeName = `${prefix}-top`
  const blockdev = blockNodes(parts, prefix)
  const options = blockdev.map((node) => `-blockdev ${shellQuoted(JSON.stringify(node))}`)
  return {
    name,
    layer,
    virtualSizeBytes,
    overlay,
    nodeName,
    blockdev,
    image: layersImage(parts.layers),
    qemu: [...options, `-device virtio-blk-pci,drive=${nodeName}`].join(' \\\n'),
    libvirt: libvirtDisk(parts),
  }
}

/** The layers as one image name that qemu-img understands: a pseudo-protocol of QEMU with the whole graph in it. */
export function layersImage(layers: readonly ChainLayer[]): string {
  return `json:${JSON.stringify(layersGraph(layers))}`
}

function layersGraph([top, ...below]: readonly ChainLayer[]): BlockNode | null {
  if (top === undefined) return null
  const file = { driver: 'file', filename: top.path }
  // Raw has nothing below; with qcow2 a null keeps QEMU from following a header.
  return { driver: top.format, file, ...(top.format === 'raw' ? {} : { backing: layersGraph(below) }) }
}

/** QEMU wants each node before those that refer to it, and at most 31 characters in its name. */
function blockNodes({ layers, overlay }: ChainParts, prefix: string): BlockNode[] {
  const nodes: BlockNode[] = []
  let below: string | null = null
  for (const [index, { path, format }] of [...layers].reverse().entries()) {
    const nodeName: string = `${prefix}-${index === 0 ? 'base' : 'middle'}`
    const readOnly = { 'read-only': true }
    nodes.push({ driver: 'file', 'node-name': `${nodeName}-file`, filename: path, ...readOnly })
    const backing = format === 'raw' ? {} : { backing: below }
    nodes.push({ driver: format, 'node-name': nodeName, file: `${nodeName}-file`, ...backing, ...readOnly })
    below = nodeName
  }
  nodes.push({ driver: 'file', 'node-name': `${prefix}-top-file`, filename: overlay })
  nodes.push({ driver: 'qcow2', 'node-name': `${prefix}-top`, file: `${prefix}-top-file`, backing: below })
  return nodes
}

function libvirtDisk({ layers, overlay }: ChainParts): string {
  return `<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2'/>
  <source file='${xmlEscaped(overlay)}'/>
${backingStore(layers, '  ')}
  <target dev='vda' bus='virtio'/>
</disk>`
}

/** libvirt would give files to QEMU's user, layers too, and the peer could not serve them any more: hence the label. */
function backingStore([layer, ...below]: readonly ChainLayer[], indent: string): string {
  if (layer === undefined) return `${indent}<backingStore/>`
  return `${indent}<backingStore type='file'>
${indent}  <format type='${layer.format}'/>
${indent}  <source file='${xmlEscaped(layer.path)}'>
${indent}    <seclabel model='dac' relabel='no'/>
${indent}  </source>
${backingStore(below, `${indent}  `)}
${indent}</backingStore>`
}
