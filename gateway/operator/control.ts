import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { z } from 'zod'
import { readShape } from '../../subgraphs/shape-fault.ts'
import { deliveriesRequest } from './deliveries-request.ts'
import { fileOf } from '../store/open.ts'

/**
 * How the commands reach the process that runs: a socket beside the store's file, for whoever may read that folder. One
 * request a connection, as a line of JSON; answers come as lines of text, the last one saying how it ended.
 */
const request = z.discriminatedUnion('command', [
  z.object({ command: z.literal('connect'), system: z.string(), waitSeconds: z.number().int().min(0) }),
  z.object({ command: z.literal('import'), system: z.string().nullable(), restart: z.boolean() }),
  z.object({ command: z.literal('sweep'), system: z.string().nullable() }),
  z.object({ command: z.literal('deliveries'), asked: deliveriesRequest }),
])

export type ControlRequest = z.infer<typeof request>

const answer = z.union([z.object({ line: z.string() }), z.object({ end: z.enum(['done', 'failed']) })])

/** Says a line to whoever asked. */
export type Tell = (line: string) => void

export interface Control {
  close(): Promise<void>
}

/** Longest path the systems allow for a socket, with some room. */
const longestPath = 100

/** @returns null for a store that others may open beside the running process: a command then works by itself */
export function controlPath(storeUrl: string): string | null {
  const file = fileOf(storeUrl)
  if (file === null) return null
  const path = `${file}.sock`
  if (path.length <= longestPath) return path
  return join(tmpdir(), `livegraph-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`)
}

/**
 * @param run does what was asked; aborted when the asker leaves
 */
export async function openControl(
  path: string,
  run: (asked: ControlRequest, tell: Tell, signal: AbortSignal) => Promise<'done' | 'failed'>,
): Promise<Control> {
  const open = new Set<Socket>()
  // Whoever held the store before is gone: the store refuses a second process.
  await rm(path, { force: true })
  const server = createServer(socket => {
    const left = new AbortController()
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      open.delete(socket)
      left.abort()
    })
    const write = (one: z.infer<typeof answer>): void => {
      if (socket.writable) socket.write(`${JSON.stringify(one)}\n`)
    }
    linesOf(socket).once('line', text => {
      const asked = readShape(request, parsed(text))
      const ran = asked.ok
        ? run(asked.value, line => write({ line }), left.signal)
        : Promise.reject(
            new Error(`the running process does not know this command; are both of one version? ${asked.fault}`),
          )
      ran
        .catch((error: unknown) => {
          write({ line: error instanceof Error ? error.message : 'it failed' })
          return 'failed' as const
        })
        .then(
          end => {
            write({ end })
            socket.end()
          },
          () => socket.destroy(),
        )
    })
  })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(path, done)
  })
  return {
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of open) socket.destroy()
      }),
  }
}

/**
 * Asks the running process.
 * @returns null when none runs on this store
 */
export function askControl(path: string, asked: ControlRequest, tell: Tell): Promise<'done' | 'failed' | null> {
  return new Promise(resolve => {
    let end: 'done' | 'failed' | null = null
    let isConnected = false
    const socket = connect(path, () => {
      isConnected = true
      socket.write(`${JSON.stringify(asked)}\n`)
    })
    linesOf(socket).on('line', text => {
      const read = answer.safeParse(parsed(text))
      if (!read.success) return
      if ('line' in read.data) tell(read.data.line)
      else end = read.data.end
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(isConnected ? (end ?? 'failed') : null))
  })
}

/** Node tells the reader of lines of the socket's faults too; nobody listening there would end the process. */
function linesOf(socket: Socket): Interface {
  const lines = createInterface(socket)
  lines.on('error', () => undefined)
  return lines
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}
