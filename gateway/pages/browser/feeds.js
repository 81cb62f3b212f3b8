// Runs in the browser: the subscriptions of the explorer.

/** Frames kept of one feed. */
const mostFrames = 200

/** How often what shows a feed is drawn anew, at most. */
const drawnEveryMs = 100

const firstWaitMs = 500
const longestWaitMs = 15_000

/** How long the other side may be silent, and how long it may take to answer when it is asked whether it is there. */
const silentMs = 10_000
const pongMs = 5_000

/**
 * Opens feeds over one websocket. A feed outlives the tab it was begun in, keeps its frames as a list, and begins again when its
 * connection is cut.
 * @param dock the element that lists them
 */
export function openFeeds(url, dock) {
  const feeds = new Map()
  const watchers = new Set()
  let pong
  const client = graphqlWs.createClient({
    url,
    // Each feed begins again by itself, whatever ended the socket: the library gives up at some codes.
    retryAttempts: 0,
    keepAlive: silentMs,
    on: {
      connected: () => feeds.forEach(feed => feed.connected()),
      ping: isReceived => {
        if (!isReceived) pong = setTimeout(() => client.terminate(), pongMs)
      },
      pong: isReceived => {
        if (isReceived) clearTimeout(pong)
      },
      closed: () => clearTimeout(pong),
    },
  })

  return {
    /** @returns the feed of such an operation that runs, or a new one */
    of(request) {
      const key = JSON.stringify([request.query, request.variables ?? {}, request.operationName ?? null])
      const known = feeds.get(key)
      if (known?.isRunning === true) return known
      known?.remove()
      const feed = new Feed(client, request, dock, () => feeds.delete(key))
      feeds.set(key, feed)
      return feed
    },
    running: () => [...feeds.values()].filter(feed => feed.isRunning),
    /** @returns what GraphiQL takes for the result of a subscription */
    observable: feed => ({
      subscribe(observer) {
        const watcher = { feed, observer, draw: () => observer.next(feed.shown()) }
        watchers.add(watcher)
        feed.watch(watcher.draw)
        return {
          // Whoever stops it while it is looked at wants it to end.
          unsubscribe() {
            if (!watchers.has(watcher)) return
            leave(watcher)
            feed.stop()
            watcher.draw()
          },
        }
      },
    }),
    /** The tab that shows feeds is left: they go on, and it is done with them. */
    lookAway() {
      for (const watcher of [...watchers]) {
        leave(watcher)
        watcher.observer.complete()
      }
    },
  }

  function leave(watcher) {
    watchers.delete(watcher)
    watcher.feed.unwatch(watcher.draw)
  }
}

class Feed {
  #client
  #dock
  #onRemove
  #end = () => undefined
  #retry
  #drawing
  #waitMs = firstWaitMs
  #wasCut = false
  #state = 'connecting'
  #entries = []
  #count = 0
  #watchers = new Set()
  #element = document.createElement('details')

  constructor(client, request, dock, onRemove) {
    this.#client = client
    this.#dock = dock
    this.#onRemove = onRemove
    this.request = request
    this.title = request.operationName ?? 'Subscription'
    this.#element.className = 'feed'
    this.#element.innerHTML =
      '<summary><span class="dot"></span><strong></strong><span class="state" role="status"></span><button type="button"></button></summary><ol></ol>'
    this.#element.querySelector('strong').textContent = this.title
    this.#element.querySelector('button').addEventListener('click', event => {
      event.preventDefault()
      if (this.isRunning) this.stop()
      else this.remove()
    })
    dock.prepend(this.#element)
    this.#begin()
  }

  get isRunning() {
    return ['connecting', 'live', 'cut'].includes(this.#state)
  }

  get isWatched() {
    return this.#watchers.size > 0
  }

  /** As the explorer shows it: newest first. */
  shown() {
    return { feed: this.#words(), frames: this.#entries }
  }

  watch(draw) {
    this.#watchers.add(draw)
    draw()
  }

  unwatch(draw) {
    this.#watchers.delete(draw)
  }

  connected() {
    if (!this.isRunning) return
    if (this.#wasCut) this.#add({ note: 'Connected again. What happened in between is not listed.' })
    this.#wasCut = false
    this.#become('live')
  }

  stop() {
    if (!this.isRunning) return
    this.#become('stopped')
    clearTimeout(this.#retry)
    this.#end()
  }

  remove() {
    this.stop()
    clearTimeout(this.#drawing)
    this.#element.remove()
    this.#onRemove()
  }

  #begin() {
    this.#end = this.#client.subscribe(this.request, {
      next: result => {
        this.#waitMs = firstWaitMs
        this.#count += 1
        this.#add(result)
        this.#become('live')
      },
      error: reason => {
        if (Array.isArray(reason)) {
          this.#add({ errors: reason })
          this.#become('refused')
        } else this.#cut(reason)
      },
      complete: () => {
        if (this.isRunning) this.#become('over')
      },
    })
  }

  #cut(reason) {
    if (!this.isRunning) return
    if (this.#state !== 'cut') {
      const code = typeof reason?.code === 'number' ? ` (${reason.code})` : ''
      if (this.#count > 0) this.#add({ note: `The connection was cut${code}. Connecting again …` })
      this.#wasCut = this.#count > 0
    }
    this.#become('cut')
    this.#retry = setTimeout(() => this.#begin(), this.#waitMs * (1 + Math.random()))
    this.#waitMs = Math.min(longestWaitMs, this.#waitMs * 2)
  }

  #add(entry) {
    this.#entries = [{ at: new Date().toLocaleTimeString([], { hour12: false }), ...entry }, ...this.#entries].slice(
      0,
      mostFrames,
    )
  }

  #become(state) {
    this.#state = state
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined
      this.#draw()
    }, drawnEveryMs)
  }

  #words() {
    const count = `${this.#count} ${this.#count === 1 ? 'frame' : 'frames'}`
    const kept = this.#count > mostFrames ? `, the newest ${mostFrames} below` : ''
    return `${words[this.#state]}, ${count}${kept}`
  }

  #draw() {
    for (const draw of this.#watchers) draw()
    this.#element.dataset.state = this.#state
    this.#element.querySelector('.state').textContent = this.#words()
    this.#element.querySelector('button').textContent = this.isRunning ? 'Stop' : 'Remove'
    this.#element.querySelector('ol').replaceChildren(
      ...this.#entries.map(entry => {
        const item = document.createElement('li')
        const { at, note, ...result } = entry
        item.textContent = `${at}  ${note ?? JSON.stringify(result.data ?? result)}`
        return item
      }),
    )
    this.#dock.hidden = this.#dock.childElementCount === 0
  }
}

const words = {
  connecting: 'connecting',
  live: 'live',
  cut: 'cut off, connecting again',
  stopped: 'stopped',
  over: 'ended by the server',
  refused: 'refused',
}
