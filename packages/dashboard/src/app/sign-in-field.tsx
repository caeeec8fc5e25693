import { FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core'

interface SignInFieldProps {
  readonly id: string
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly hint?: string
  readonly isSecret?: boolean
  readonly autoComplete?: string
}

/** One thing that somebody signs in with. */
export function SignInField({ id, label, value, onChange, hint, isSecret = false, autoComplete }: SignInFieldProps) {
  const hintId = `${id}-hint`
  return (
    <FormGroup label={label} fieldId={id} isRequired>
      <TextInput
        id={id}
        type={isSecret ? 'password' : 'text'}
        autoComplete={autoComplete ?? 'off'}
        isRequired
        value={value}
        onChange={(_, next) => onChange(next)}
        {...(hint === undefined ? {} : { 'aria-describedby': hintId })}
      />
      {hint === undefined ? null : (
        <FormHelperText>
          <HelperText id={hintId}>
            <HelperTextItem>{hint}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  )
}
