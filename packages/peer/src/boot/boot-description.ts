import { createHash } from 'node:crypto'
import type { Boot } from '@shoal/api'
import { shellQuoted, xmlEscaped } from '../quoting.ts'

/**
 * For so long a client asks again by itself after the daemon has gone, and its machine waits. After that its reads
 * fail; `rerror=stop` then stops the machine, which goes on with `cont`.
 */
const RECONNECT_SECONDS = 600
/** So long a client that starts waits for the socket. */
const OPEN_SECONDS = 30

type BlockNode = Boot['blockdev'][number]

/** How QEMU and libvirt open a disk. */
export type BootDescription = Pick<Boot, 'uri' | 'blockdev' | 'nodeName' | 'qemu' | 'libvirt'>

export interface BootParts {
  /** Of the boot, and of its export. */
  readonly name: string
  readonly socket: string
  readonly overlay: string | null
}

/**
 * Describes a disk with every format and path named: nothing is guessed, and what a header says of a backing file does
 * not count.
 */
export function describeBoot(parts: BootParts): BootDescription {
  const prefix = `shoal-${createHash('sha256').update(parts.name).digest('hex').slice(0, 8)}`
  const nodeName = `${prefix}-${parts.overlay === null ? 'disk' : 'top'}`
  const blockdev = blockNodes(parts, prefix)
  const options = blockdev.map((node) => `-blockdev ${shellQuoted(JSON.stringify(node))}`)
  // A guest's write may need a read from below first; that one's failure counts as the write's.
  const device = `-device virtio-blk-pci,drive=${nodeName},rerror=stop,werror=stop`
  return {
    uri: bootUri(parts),
    blockdev,
    nodeName,
    qemu: [...options, device].join(' \\\n'),
    libvirt: domainDisk(parts),
  }
}

/** An export as one name for qemu-img, nbdcopy and the like. */
export function bootUri({ name, socket }: Pick<BootParts, 'name' | 'socket'>): string {
  return `nbd+unix:///${encodeURIComponent(name)}?socket=${encodeURIComponent(socket).replaceAll('%2F', '/')}`
}

/** QEMU wants each node before those that refer to it, and at most 31 characters in its name. */
function blockNodes({ name, socket, overlay }: BootParts, prefix: string): BlockNode[] {
  const readOnly = { 'read-only': true }
  const server = { type: 'unix', path: socket }
  const patience = { 'reconnect-delay': RECONNECT_SECONDS, 'open-timeout': OPEN_SECONDS }
  const nodes: BlockNode[] = [
    { driver: 'nbd', 'node-name': `${prefix}-nbd`, server, export: name, ...patience, ...readOnly },
    { driver: 'raw', 'node-name': `${prefix}-disk`, file: `${prefix}-nbd`, ...readOnly },
  ]
  if (overlay === null) return nodes
  const top = `${prefix}-top`
  nodes.push({ driver: 'file', 'node-name': `${top}-file`, filename: overlay })
  nodes.push({ driver: 'qcow2', 'node-name': top, file: `${top}-file`, backing: `${prefix}-disk` })
  return nodes
}

function domainDisk({ name, socket, overlay }: BootParts): string {
  const source = (indent: string) => `${indent}<source protocol='nbd' name='${xmlEscaped(name)}'>
${indent}  <host transport='unix' socket='${xmlEscaped(socket)}'/>
${indent}  <reconnect delay='${RECONNECT_SECONDS}'/>
${indent}</source>`
  const target = "  <target dev='vda' bus='virtio'/>"
  // Older versions of libvirt drop the delay and say nothing: the policies then stop the machine instead of giving it
  // errors.
  const driver = (type: string) => `  <driver name='qemu' type='${type}' error_policy='stop' rerror_policy='stop'/>`
  if (overlay === null) {
    return `<disk type='network' device='disk'>
${driver('raw')}
${source('  ')}
${target}
  <readonly/>
</disk>`
  }
  return `<disk type='file' device='disk'>
${driver('qcow2')}
  <source file='${xmlEscaped(overlay)}'/>
  <backingStore type='network'>
    <format type='raw'/>
${source('    ')}
    <backingStore/>
  </backingStore>
${target}
</disk>`
}
