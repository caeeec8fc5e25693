import { writeFile } from 'node:fs/promises'
import { references } from './references.ts'

// `npm run docs`: writes the generated reference pages.
for (const [name, content] of Object.entries(references())) {
  await writeFile(new URL(`../../docs/${name}`, import.meta.url), content)
}
