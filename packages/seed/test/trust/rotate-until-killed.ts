import { systemClock } from '@shoal/core'
import { SigningKeys } from '../../src/trust/signing-keys.ts'

const [path = ''] = process.argv.slice(2)
const keys = await SigningKeys.open(path, { clock: systemClock })
for (;;) {
  await keys.rotate({ overlapMs: 0 })
  process.stdout.write('rotated\n')
}
