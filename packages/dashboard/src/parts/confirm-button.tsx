import { Button, type ButtonProps, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core'
import { type ReactNode, useId, useState } from 'react'
import { useCanAct, useCanAdminister } from '../app/session-context.ts'
import { Problem } from './problem.tsx'

export interface ConfirmButtonProps {
  /** What is done, as a verb: also the name of the button that does it. */
  readonly action: string
  readonly title: string
  /** What comes of it. */
  readonly children: ReactNode
  readonly onConfirm: () => Promise<unknown>
  readonly variant?: ButtonProps['variant']
  readonly isDisabled?: boolean
  /** Only those who administer the fleet may. */
  readonly isForAdmins?: boolean
}

/** A button whose action is asked about first; those who may only look cannot press it. */
export function ConfirmButton({
  action,
  title,
  children,
  onConfirm,
  variant = 'secondary',
  isDisabled = false,
  isForAdmins = false,
}: ConfirmButtonProps) {
  const [isOpen, setIsOpen] = useState(false)
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(undefined)
  const mayAct = useCanAct()
  const mayAdminister = useCanAdminister()
  const canAct = isForAdmins ? mayAdminister : mayAct
  const id = useId()
  const confirm = async () => {
    setIsBusy(true)
    setProblem(undefined)
    try {
      await onConfirm()
      setIsOpen(false)
    } catch (error) {
      setProblem(error)
    }
    setIsBusy(false)
  }
  return (
    <>
      <Button
        variant={variant}
        isDisabled={isDisabled || !canAct}
        title={canAct ? undefined : isForAdmins ? 'This is for admins.' : 'Readers may look and change nothing.'}
        onClick={() => setIsOpen(true)}
      >
        {action}
      </Button>
      {isOpen ? (
        <Modal variant="small" isOpen onClose={() => setIsOpen(false)} aria-labelledby={id}>
          <ModalHeader title={title} labelId={id} />
          <ModalBody>
            {children}
            {problem === undefined ? null : <Problem error={problem} />}
          </ModalBody>
          <ModalFooter>
            <Button
              variant={variant === 'danger' ? 'danger' : 'primary'}
              isLoading={isBusy}
              isDisabled={isBusy}
              onClick={() => void confirm()}
            >
              {action}
            </Button>
            <Button variant="link" onClick={() => setIsOpen(false)}>
              Go back
            </Button>
          </ModalFooter>
        </Modal>
      ) : null}
    </>
  )
}
