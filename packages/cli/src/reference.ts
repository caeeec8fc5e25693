import { parseCommandLine, words } from './command-line.ts'
import { commands, nouns } from './commands.ts'
import { EXIT, EXIT_MEANINGS } from './exit-code.ts'
import { DEFAULT_SEED_URL } from './global-options.ts'

const HELP_COLUMNS = 100

/** The content of docs/cli.md: the help of every command and the exit codes. */
export async function cliReference(): Promise<string> {
  const sections = await Promise.all(
    commands.map(async ({ usage }) => {
      const name = words(usage)
      return `## shoal ${name}\n\n${fence(specific(await help([...name.split(' '), '--help'])))}\n`
    }),
  )
  return `${HEADER}
## Exit codes

| code | name | meaning |
| --- | --- | --- |
${(Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => `| ${EXIT[name]} | ${name} | ${EXIT_MEANINGS[name]} |`).join('\n')}

Services (\`seed serve\`, \`peer serve\`, \`library serve\`) exit 0 after SIGTERM or SIGINT, 2 when the configuration is not valid
or the token is refused, and 1 otherwise. Their log on standard output is JSON lines; an error that ends them is text.

## shoal

${fence(await help(['--help']))}

${sections.join('\n')}`
}

const HEADER = `# The command line

<!-- Generated from the commands by \`node packages/cli/src/write-reference.ts\`; a test compares them. -->

\`shoal <noun> <verb>\` talks to the seed over the HTTP API. In a clone, \`npm run -s shoal -- <arguments>\` runs it;
\`ln -s "$PWD/packages/cli/bin/shoal.js" /usr/local/bin/shoal\` makes it a command. Every command takes \`--json\`. Results go to
standard output; errors go to standard error as \`error:\`, \`hint:\` and \`code:\`, or as one JSON object with \`--json\`.
docs/errors.md lists the codes.

The seed is found by \`--seed\`, then \`SHOAL_SEED_URL\`, then ${DEFAULT_SEED_URL}. The token is \`--token\`, \`--token-file\`,
\`SHOAL_TOKEN\`, \`SHOAL_TOKEN_FILE\` or, when the service is on this machine, the file in its state directory, in this order:
\`operator.token\` of the seed, \`api-token\` of a peer. With \`--peer\` the token is the peer's.

A layer is named by its digest, by the first 8 or more digits of it, or by the id or name of an image. An image is named by its id
or name. A prefetch plan is named by its id, the beginning of it, its name, or \`latest\`.
`

async function help(argv: readonly string[]): Promise<string> {
  const chosen = await parseCommandLine(argv, { commands, nouns }, { columns: HELP_COLUMNS })
  if ('command' in chosen) throw new TypeError(`${argv.join(' ')} is not a request for help`)
  return chosen.text
}

/** Without the options of every command, which are shown once. */
function specific(text: string): string {
  return text
    .split(/\n\n(?=\S)/)
    .filter((part) => !part.startsWith('Everywhere:'))
    .join('\n\n')
}

function fence(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``
}
