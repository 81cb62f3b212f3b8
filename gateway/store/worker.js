/**
 * The thread that holds one SQLite connection. SQLite's calls block, and here they block nobody. Plain JavaScript, because a worker
 * thread is loaded by Node itself, whatever runs the program around it.
 *
 * It is sent arrays of requests, does them in their order and answers arrays of replies; see `connection.ts` for both.
 *
 * @typedef {{ id: number, do: 'query', sql: string, parameters: unknown[] } | { id: number, do: 'rollback' | 'close' }} Request
 * @typedef {{ path: string, lockPath: string | null, isReader: boolean }} Opening
 */
import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'libsql'

/** Statements kept prepared; the graph has some dozens, lists of ids make more. */
const preparedLimit = 256
/** Replies are sent together, but the first of them waits no longer than this for the others. */
const replyWithinMs = 2

/** @type {Opening} */
const opening = workerData
/** @type {Map<string, Database.Statement>} */
const prepared = new Map()

if (parentPort === null) throw new Error('worker.js is started by connection.ts as a worker thread')
const port = parentPort

/** @returns a database whose exclusive lock dies with this process; whoever holds it is alone on the file */
function lock(path) {
  const held = new Database(path)
  held.exec('begin exclusive')
  return held
}

function open() {
  const held = opening.lockPath === null ? null : lock(opening.lockPath)
  const db = new Database(opening.path, { timeout: 5000 })
  db.exec('pragma foreign_keys = off')
  if (opening.isReader) {
    db.exec('pragma query_only = on')
  } else {
    db.prepare('pragma journal_mode = wal').all()
    db.exec('pragma synchronous = full')
  }
  return { db, held }
}

function prepare(sql) {
  const known = prepared.get(sql)
  if (known !== undefined) {
    prepared.delete(sql)
    prepared.set(sql, known)
    return known
  }
  const statement = connection.db.prepare(sql)
  prepared.set(sql, statement)
  if (prepared.size > preparedLimit) prepared.delete(prepared.keys().next().value)
  return statement
}

/** SQLITE_READONLY_DBMOVED: SQLite itself does not look while it writes to a log beside the file. */
const movedCode = 1032

/** What is written to a file that nobody can open any more is lost with this process: it must not be called durable. */
function refuseMoved() {
  if (opened === null) return
  let found = null
  try {
    found = statSync(opening.path).ino
  } catch {
    // Removed.
  }
  if (found !== opened) throw Object.assign(new Error('the file was moved or removed'), { rawCode: movedCode })
}

function query(sql, parameters) {
  if (sql === 'commit') refuseMoved()
  const statement = prepare(sql)
  try {
    if (!statement.reader) return { rows: [], changes: statement.run(parameters).changes }
    const rows = statement.all(parameters)
    for (const row of rows) {
      for (const name in row) if (row[name] instanceof ArrayBuffer) row[name] = new Uint8Array(row[name])
    }
    return { rows, changes: rows.length }
  } catch (error) {
    prepared.delete(sql)
    throw error
  }
}

/** After some failures SQLite has rolled back by itself already. */
function rollback() {
  if (connection.db.inTransaction) connection.db.exec('rollback')
  return { rows: [], changes: 0 }
}

function close() {
  prepared.clear()
  if (!opening.isReader) connection.db.prepare('pragma wal_checkpoint(truncate)').all()
  connection.db.close()
  if (connection.held !== null) {
    connection.held.exec('rollback')
    connection.held.close()
  }
  return { rows: [], changes: 0 }
}

/** @param {Request} request */
function answer(request) {
  try {
    if (request.do === 'query') return { id: request.id, ...query(request.sql, request.parameters) }
    return { id: request.id, ...(request.do === 'rollback' ? rollback() : close()) }
  } catch (error) {
    return { id: request.id, fault: faultOf(error) }
  }
}

/** `rawCode` is SQLite's extended result code; https://www.sqlite.org/rescode.html */
function faultOf(error) {
  const message = error instanceof Error ? error.message : String(error)
  return { message, code: typeof error?.rawCode === 'number' ? error.rawCode : null }
}

/** @type {{ db: Database.Database, held: Database.Database | null }} */
let connection
/** The file that is open, by its inode; null for none. */
let opened = null
try {
  connection = open()
  if (!opening.isReader && opening.lockPath !== null) opened = statSync(opening.path).ino
  port.postMessage([{ id: 0, rows: [], changes: 0 }])
  port.on('message', (/** @type {Request[]} */ requests) => {
    let replies = []
    let since = performance.now()
    for (const request of requests) {
      replies.push(answer(request))
      if (performance.now() - since < replyWithinMs) continue
      port.postMessage(replies)
      replies = []
      since = performance.now()
    }
    if (replies.length > 0) port.postMessage(replies)
  })
} catch (error) {
  port.postMessage([{ id: 0, fault: faultOf(error) }])
}
