import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'

/** A Postgres of our own, from Debian's binaries, in a folder of its own. */
export interface PostgresServer {
  /** Of a database of this server; the password is in it to be looked for in logs. */
  urlOf(database: string): string
  /** Makes an empty database, or a copy of another one. @returns its URL */
  createDatabase(name: string, template?: string): Promise<string>
  /** Does one statement as a person at the server would. */
  run(statement: string): Promise<readonly unknown[]>
  /** Ends it as a crash would: nothing is finished, clients are cut off. */
  crash(): Promise<void>
  /** Starts it again where it stood. Resolves once it takes connections. */
  start(): Promise<void>
  /** Ends it and removes its folder. */
  remove(): Promise<void>
}

const user = 'livegraph'
export const password = 'canary-of-the-store'

/** The newest of Debian's folders of Postgres binaries; null where there is none. */
export function findBinaries(): string | null {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  const folders = versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join('/usr/lib/postgresql', version, 'bin'))
  return folders.find(folder => existsSync(join(folder, 'initdb'))) ?? null
}

/**
 * @param isDurable whether what is committed outlives a crash, as in production; the tests of everything else are faster without
 * @throws Error when no binaries are found, or it does not start
 */
export async function startPostgres({ isDurable }: { readonly isDurable: boolean }): Promise<PostgresServer> {
  const binaries = findBinaries()
  if (binaries === null) throw new Error('no Postgres was found under /usr/lib/postgresql: install postgresql')
  const owner = ownerOf()
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-postgres-'))
  if (owner !== null) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const port = await freePort()
  const options = { cwd: folder, ...(owner ?? {}) }

  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', user, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'],
    { ...options, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '64MB',
    ...(isDurable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  }
  let process: ChildProcess | null = null

  const server: PostgresServer = {
    urlOf: database => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
    async createDatabase(name, template = 'template0') {
      await server.run(`create database ${name} template ${template}`)
      return server.urlOf(name)
    },
    async run(statement) {
      const client = new Client({ connectionString: server.urlOf('postgres') })
      await client.connect()
      try {
        const { rows } = await client.query<Record<string, unknown>>(statement)
        return rows
      } finally {
        await client.end()
      }
    },
    async crash() {
      if (process === null) return
      const ended = once(process, 'exit')
      process.kill('SIGQUIT')
      await ended
      process = null
    },
    async start() {
      const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
      process = spawn(join(binaries, 'postgres'), ['-D', data, ...flags], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      await untilReady(process)
    },
    async remove() {
      await server.crash()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** Postgres refuses to run as root: then it runs as the user that Debian made for it, else as nobody. */
function ownerOf(): { readonly uid: number; readonly gid: number } | null {
  if (userInfo().uid !== 0) return null
  const idOf = (flag: '-u' | '-g', name: string): number =>
    Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim() || Number.NaN)
  const [uid, gid] = [idOf('-u', 'postgres'), idOf('-g', 'postgres')]
  return Number.isNaN(uid + gid) ? { uid: 65_534, gid: 65_534 } : { uid, gid }
}

async function untilReady(started: ChildProcess): Promise<void> {
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    if (started.stderr === null) throw new Error('Postgres was started without its log')
    const lines = createInterface(started.stderr)
    lines.on('line', line => {
      if (said.length < 50) said.push(line)
      if (line.includes('database system is ready to accept connections')) resolve()
    })
    started.once('exit', code => reject(new Error(`Postgres ended with ${String(code)}:\n${said.join('\n')}`)))
  })
}

/** Below the ports that the system hands out for connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const isFree = await new Promise<boolean>(resolve => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
