import type { DocumentNode } from 'graphql'
import { LRUCache } from 'lru-cache'

/** The memory that parsed and validated documents take together. */
const maxBytes = 32 * 1024 * 1024

/** What a parsed document takes for each character of its text, its tokens' locations included; measured. */
const bytesPerCharacter = 60

/** For a document whose text is not known: the longest that is let in. */
const unknownCharacters = 10_000

export interface Documents {
  get(key: string): Promise<DocumentNode | undefined>
  set(key: string, document: DocumentNode): Promise<void>
  delete(key: string): Promise<boolean>
}

/** Documents that were parsed and validated, so that the same text is not read again. Bounded by memory: a text of many tokens counts as such. */
export function openDocuments(): Documents {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: maxBytes,
    sizeCalculation: ({ loc }) => (loc?.source.body.length ?? unknownCharacters) * bytesPerCharacter,
  })
  return {
    get: key => Promise.resolve(documents.get(key)),
    set: (key, document) => Promise.resolve(void documents.set(key, document)),
    delete: key => Promise.resolve(documents.delete(key)),
  }
}
