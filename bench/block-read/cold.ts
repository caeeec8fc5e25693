/** The cold reads alone, as one JSON line: `node bench/block-read/cold.ts [--quick]`. Needs root. */
import { coldFigures } from './cold-figures.ts'
import { measureCold } from './measure-cold.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const cold = await measureCold({ quick: process.argv.includes('--quick'), say: (line) => console.error(line) })
console.log(JSON.stringify(coldFigures(cold)))
process.exit(0)
