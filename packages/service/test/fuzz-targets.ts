import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { Type } from 'typebox'
import { asConfigSchema } from '../src/config-field.ts'
import { parseConfigText } from '../src/config-file.ts'
import { objectSource } from '../src/config-source.ts'

const schema = Type.Object({
  listen: Type.Object({ host: Type.String(), port: Type.Integer({ minimum: 0, maximum: 65_535 }) }),
  names: Type.Array(Type.String()),
})
const FILE = `# a comment
listen:
  host: 127.0.0.1
  port: 7460
names: [a, "b"]
`

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'configuration-file',
    corpus: [FILE, '{"listen":{"host":"::","port":1},"names":[]}', 'names: &a [x, y]\nlisten: *a\n'].map((text) =>
      Buffer.from(text),
    ),
    words: ['&a ', '*a', '!!js', '<<: ', '? ', '- ', '|\n', '>\n', '{', '}', '[', ']', '__proto__: ', '\t', '%YAML'],
    execute: (input) => {
      const { value, faults } = parseConfigText(input.toString(), 'shoal.yaml')
      const { settings } = objectSource(value, asConfigSchema(schema), 'shoal.yaml')
      mustHold(!('port' in {}) && !('names' in Object.prototype), 'the prototype of all objects is another')
      return faults.length === 0 && settings.length > 0
    },
  },
]
