import type { InferredOptionTypes, Options, PositionalOptions } from 'yargs'
import type { CommandContext } from './context.ts'
import type { ExitCode } from './exit-code.ts'

type Positionals = Readonly<Record<string, PositionalOptions>>
type Flags = Readonly<Record<string, Options>>

/** One command, as the command line, its help and docs/cli.md see it. */
export interface Command {
  /** Its words and arguments: `image import <image>`. */
  readonly usage: string
  /** One sentence. */
  readonly summary: string
  readonly positionals: Positionals
  readonly options: Flags
  /** Further options, for commands whose options are costly to know: asked for only when the command is. */
  moreOptions(): Promise<Flags>
  /** Command lines without `shoal`, each with what it does. */
  readonly examples: readonly (readonly [command: string, meaning: string])[]
  /** The command handles SIGINT and SIGTERM itself, as services do. */
  readonly ownsSignals: boolean
  run(context: CommandContext, args: Readonly<Record<string, unknown>>): Promise<ExitCode>
}

interface CommandSpec<P extends Record<string, PositionalOptions>, O extends Record<string, Options>> {
  usage: string
  summary: string
  positionals?: P
  options?: O
  moreOptions?: () => Promise<Flags>
  examples?: readonly (readonly [string, string])[]
  ownsSignals?: boolean
  run(context: CommandContext, args: InferredOptionTypes<P> & InferredOptionTypes<O>): Promise<ExitCode>
}

/** Defines a command whose arguments are typed by what it declares. */
export function defineCommand<
  // Nothing declared means no arguments, not any argument.
  const P extends Record<string, PositionalOptions> = Record<never, never>,
  const O extends Record<string, Options> = Record<never, never>,
>(spec: CommandSpec<P, O>): Command {
  return {
    usage: spec.usage,
    summary: spec.summary,
    positionals: spec.positionals ?? {},
    options: spec.options ?? {},
    moreOptions: spec.moreOptions ?? (async () => ({})),
    examples: spec.examples ?? [],
    ownsSignals: spec.ownsSignals ?? false,
    // The command line was parsed and checked by these very declarations.
    run: (context, args) => spec.run(context, args as InferredOptionTypes<P> & InferredOptionTypes<O>),
  }
}
