import { basename } from 'node:path'
import { defineCommand } from './command.ts'
import { cliError } from './errors.ts'
import { EXIT } from './exit-code.ts'

// The scripts ask `shoal` itself what may follow, so they never grow stale. SHELL decides how yargs answers: zsh wants
// name:description.
const scripts = {
  bash: `###-begin-shoal-completion-###
# Install with: shoal completion bash > /etc/bash_completion.d/shoal
_shoal_completion() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(SHELL=bash ZSH_NAME= shoal --get-yargs-completions "\${COMP_WORDS[@]}" 2>/dev/null)" -- "$word"))
  return 0
}
complete -o bashdefault -o default -F _shoal_completion shoal
###-end-shoal-completion-###`,
  zsh: `#compdef shoal
###-begin-shoal-completion-###
# Install with: shoal completion zsh > "\${fpath[1]}/_shoal"
_shoal_completion() {
  local -a reply
  reply=("\${(@f)$(SHELL=zsh shoal --get-yargs-completions "\${words[@]}" 2>/dev/null)}")
  if [[ -n "\${reply[1]}" ]]; then
    _describe 'values' reply
  else
    _default
  fi
}
if [[ "\${zsh_eval_context[-1]}" == "loadautofunc" ]]; then
  _shoal_completion "$@"
else
  compdef _shoal_completion shoal
fi
###-end-shoal-completion-###`,
} as const

export const completion = defineCommand({
  usage: 'completion [shell]',
  summary: 'Print the completion script of bash or zsh.',
  positionals: { shell: { choices: ['bash', 'zsh'], describe: 'Shell; that of SHELL when absent' } },
  examples: [['completion bash > /etc/bash_completion.d/shoal', 'install it for everyone']],
  run: async ({ output, terminal }, args) => {
    const shell = args.shell ?? basename(terminal.env.SHELL ?? '')
    if (shell !== 'bash' && shell !== 'zsh') {
      const reason = 'Say which shell: bash or zsh.'
      throw cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal completion' })
    }
    output.show(scripts[shell], () => scripts[shell])
    return EXIT.ok
  },
})
