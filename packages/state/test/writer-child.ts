// Child of level-state.test.ts: writes batches until it is killed and reports each one that was acknowledged.
import { writeSync } from 'node:fs'
import { openLevelState } from '@shoal/state'

const state = await openLevelState(process.argv[2] ?? '')
let number = ((await state.get<number>('left'))?.value ?? -1) + 1
while (true) {
  await state.batch([
    { type: 'put', key: 'left', value: number },
    { type: 'put', key: `item/${number}`, value: 'x'.repeat(1000) },
    { type: 'put', key: 'right', value: number },
  ])
  writeSync(1, `${number}\n`)
  number += 1
}
