import { readFileSync } from 'node:fs'
import yargs, { type Argv } from 'yargs'
import type { Command } from './command.ts'
import { cliError } from './errors.ts'
import { globalOptions } from './global-options.ts'

/** What a command line asks for: a command with its arguments, or only text (help, version, completions). */
export type Chosen =
  | { readonly command: Command; readonly args: Readonly<Record<string, unknown>> }
  | { readonly text: string }

/** Reads a command line. Throws `SHOAL_CLI_USAGE`. */
export async function parseCommandLine(
  argv: readonly string[],
  deps: { commands: readonly Command[]; nouns: Readonly<Record<string, string>> },
  options: { columns: number },
): Promise<Chosen> {
  let chosen: Chosen | undefined
  let text = ''
  const parser = addCommands(root(options.columns), deps, (command, args) => {
    chosen = { command, args }
  })
  await parser.parseAsync([...argv], {}, (_error: unknown, _argv: unknown, output: string) => {
    text = output
  })
  return chosen ?? { text }
}

const USAGE_SUFFIX = 'is not a command or argument that is known here'

function root(columns: number): Argv {
  return (
    yargs()
      .scriptName('shoal')
      .usage('$0 <command>\n\nDistributes VM images to compute nodes, peer to peer.')
      // Messages and help are tested and documented, so they must not depend on the user's language.
      .detectLocale(false)
      .locale('en')
      .updateStrings({
        'Not enough non-option arguments: got %s, need at least %s': {
          one: 'An argument is missing: %s of at least %s was given',
          other: 'Arguments are missing: %s of at least %s were given',
        } as never,
      })
      .parserConfiguration({
        'camel-case-expansion': false,
        'dot-notation': false,
        'greedy-arrays': false,
        'parse-positional-numbers': false,
      })
      .options(globalOptions)
      .group(Object.keys(globalOptions), 'Everywhere:')
      .version(version())
      .alias('help', 'h')
      .group(['help', 'version'], 'Everywhere:')
      .strict()
      .recommendCommands()
      .demandCommand(1, 'Say what to do.')
      .exitProcess(false)
      .showHelpOnFail(false)
      .wrap(columns)
  )
}

function addCommands(
  parser: Argv,
  { commands, nouns }: { commands: readonly Command[]; nouns: Readonly<Record<string, string>> },
  choose: (command: Command, args: Readonly<Record<string, unknown>>) => void,
): Argv {
  const added = new Set<string>()
  for (const command of commands) {
    const [noun = ''] = command.usage.split(' ', 1)
    const meaning = nouns[noun]
    if (meaning === undefined) addCommand(parser, command, command.usage, choose)
    else if (!added.has(noun)) {
      const verbs = commands.filter(({ usage }) => usage.startsWith(`${noun} `))
      parser.command(noun, meaning, (below) => {
        for (const verb of verbs) addCommand(below, verb, verb.usage.slice(noun.length + 1), choose)
        return failWith(below.demandCommand(1, `Say what to do with it: shoal ${noun} <command>.`), `shoal ${noun}`)
      })
    }
    added.add(noun)
  }
  return failWith(parser, 'shoal')
}

function addCommand(
  parser: Argv,
  command: Command,
  usage: string,
  choose: (command: Command, args: Readonly<Record<string, unknown>>) => void,
): void {
  parser.command(
    usage,
    command.summary,
    async (below) => {
      for (const [name, positional] of Object.entries(command.positionals)) below.positional(name, positional)
      const options = { ...command.options, ...(await command.moreOptions()) }
      for (const [name, option] of Object.entries(options)) below.option(name, option)
      // Named as a group, they stand before those of every command.
      below.group(Object.keys(options), 'Options:')
      for (const [line, meaning] of command.examples) below.example(`$0 ${line}`, meaning)
      return failWith(below, `shoal ${words(command.usage)}`)
    },
    (args) => {
      refuseRepeats(command, args)
      refuseOddNumbers(command, args)
      choose(command, args)
    },
  )
}

/** yargs makes an array of any option that is given twice, which would be a surprise further on. */
function refuseRepeats(command: Command, args: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of Object.entries({ ...globalOptions, ...command.options })) {
    if (!Array.isArray(args[name]) || ('array' in option && option.array === true)) continue
    const reason = `--${name} may be given only once.`
    throw cliError('SHOAL_CLI_USAGE', { reason, command: `shoal ${words(command.usage)}` })
  }
}

/** For yargs what is no number is NaN, which would be left out of requests without a word. */
function refuseOddNumbers(command: Command, args: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of Object.entries(command.options)) {
    const value = args[name]
    if (option.type !== 'number' || value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) continue
    const reason = `--${name} takes a whole number that is not negative.`
    throw cliError('SHOAL_CLI_USAGE', { reason, command: `shoal ${words(command.usage)}` })
  }
}

function failWith(parser: Argv, command: string): Argv {
  return parser.fail((message: string | null, error: Error | undefined) => {
    // yargs calls this for its own findings (a message) and for what a handler threw (an error).
    if (error !== undefined && message === null) throw error
    const reason = (message ?? error?.message ?? USAGE_SUFFIX).trim().replaceAll(/\s+/g, ' ')
    throw cliError('SHOAL_CLI_USAGE', { reason: /[.?!]$/.test(reason) ? reason : `${reason}.`, command })
  })
}

/** The words of a usage without its arguments. */
export function words(usage: string): string {
  return usage.replace(/ [<[].*$/, '')
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return String((manifest as { version?: unknown }).version)
}
