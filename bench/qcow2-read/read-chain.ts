/**
 * Our reader as a process of its own: `read-chain.ts IMAGE...`, the topmost first. Does what it is told by its parent's messages, one after
 * the other, and answers each: `'digest'` with the SHA-256 of the disk, a pattern with what reading so took.
 */
import { createHash } from 'node:crypto'
import { Chain } from '@shoal/qcow2'
import { openImage } from './open-image.ts'
import type { ReadCost } from './read-engine.ts'
import type { ReadPattern } from './read-pattern.ts'

const DIGEST_READ_BYTES = 1024 ** 2
const KIB_PER_MIB = 1024

const [top, ...below] = await Promise.all(process.argv.slice(2).map(openImage))
if (top === undefined) throw new TypeError('no image was named')
const chain = new Chain([top, ...below])

async function digest(): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < chain.virtualSizeBytes; at += DIGEST_READ_BYTES)
    hash.update(await chain.read(at, DIGEST_READ_BYTES))
  return hash.digest('hex')
}

async function read(pattern: ReadPattern): Promise<ReadCost> {
  const { offset, length, requestBytes, strideBytes, depth, passes } = pattern
  const count = passes * (length / requestBytes)
  let next = 0
  let doneBytes = 0
  const work = async () => {
    while (next < count) {
      const at = offset + ((next * strideBytes) % length)
      next += 1
      const bytes = await chain.read(at, requestBytes)
      doneBytes += bytes.length
    }
  }
  const [cpuBefore, begin] = [process.cpuUsage(), performance.now()]
  await Promise.all(Array.from({ length: depth }, work))
  const wallSeconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  if (doneBytes !== passes * length) throw new Error(`${doneBytes} bytes were read instead of ${passes * length}`)
  const peakRssMiB = Math.round(process.resourceUsage().maxRSS / KIB_PER_MIB)
  return { wallSeconds, cpuSeconds: (user + system) / 1e6, peakRssMiB }
}

process.on('message', async (order: 'digest' | ReadPattern) => {
  try {
    process.send?.({ answer: order === 'digest' ? await digest() : await read(order) })
  } catch (error) {
    process.send?.({ error: String(error) })
  }
})
// Without a parent nobody would end it.
process.on('disconnect', () => process.exit())
