import {
  Button,
  Card,
  CardBody,
  CardTitle,
  Form,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  TextInput,
} from '@patternfly/react-core'
import type { Session } from '@shoal/api'
import { type FormEvent, useState } from 'react'
import { call } from '../api/call.ts'
import { Problem } from '../parts/problem.tsx'

/** Takes a token and gives it to the seed, which answers with a cookie; the page keeps nothing of it. */
export function SignInPage({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<unknown>(undefined)
  const [isBusy, setIsBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setIsBusy(true)
    setProblem(undefined)
    try {
      onSignedIn(await call('signIn', { body: { token: token.trim() } }))
    } catch (error) {
      setProblem(error)
      setIsBusy(false)
    }
  }
  return (
    <main className="shoal-sign-in">
      <Card>
        <CardTitle component="h1">Sign in to Shoal</CardTitle>
        <CardBody>
          <Form onSubmit={(event) => void submit(event)}>
            <FormGroup label="Token" fieldId="token" isRequired>
              <TextInput
                id="token"
                type="password"
                autoComplete="current-password"
                isRequired
                value={token}
                onChange={(_, value) => setToken(value)}
              />
              <FormHelperText>
                <HelperText>
                  <HelperTextItem>
                    operator.token or viewer.token in the state directory of the seed, or a token that shoal token
                    create made. Readers may look and change nothing.
                  </HelperTextItem>
                </HelperText>
              </FormHelperText>
            </FormGroup>
            {problem === undefined ? null : <Problem error={problem} />}
            <Button type="submit" isBlock isDisabled={token.trim() === '' || isBusy} isLoading={isBusy}>
              Sign in
            </Button>
          </Form>
        </CardBody>
      </Card>
    </main>
  )
}
