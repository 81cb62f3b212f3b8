import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

/** A process of ours, as a person would start it. Ends with the test at the latest. */
export interface Child {
  readonly pid: number
  /** What it has written so far, both streams in the order they came. */
  output(): string
  /** Of the standard output alone. */
  told(): string
  /** Resolves with the first line in which the text stands, written already or later. */
  line(text: string): Promise<string>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/**
 * @param environment beside what a process needs to run at all; nothing of ours is inherited
 * @param folder where it runs
 */
export function startChild(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  folder = process.cwd(),
): Child {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env
  const child: ChildProcess = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], {
    cwd: folder,
    env: { PATH, HOME, TMPDIR, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const told: string[] = []
  const waiting: { readonly text: string; resolve(line: string): void; reject(error: Error): void }[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface(stream).on('line', line => {
      lines.push(line)
      if (stream === child.stdout) told.push(line)
      for (const one of waiting.filter(({ text }) => line.includes(text))) {
        waiting.splice(waiting.indexOf(one), 1)
        one.resolve(line)
      }
    })
  }
  let isOver = false
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve => {
    child.once('close', (code, signal) => {
      isOver = true
      for (const one of waiting.splice(0))
        one.reject(new Error(`it ended before it wrote "${one.text}":\n${lines.join('\n')}`))
      resolve({ code, signal })
    })
  })
  onTestFinished(async () => {
    if (!isOver) child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid ?? 0,
    output: () => lines.join('\n'),
    told: () => told.join('\n'),
    line(text) {
      const found = lines.find(line => line.includes(text))
      if (found !== undefined) return Promise.resolve(found)
      if (isOver) return Promise.reject(new Error(`it has ended and never wrote "${text}":\n${lines.join('\n')}`))
      return new Promise((resolve, reject) => waiting.push({ text, resolve, reject }))
    },
    kill: signal => void child.kill(signal),
    ended,
  }
}
