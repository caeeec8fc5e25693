import { spawn } from 'node:child_process'
import type { Launch } from './engine.ts'

/** Starts the program on this machine. A program that is not there shows as an end, with the error as last word. */
export const launchHere: Launch = ([program = '', ...flags], { env }) =>
  spawn(program, flags, { env, stdio: ['ignore', 'pipe', 'pipe'] })
