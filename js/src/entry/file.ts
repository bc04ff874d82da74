/** What needs a file system: for Node, Deno and Bun. */
export { fileCache } from "../cache/file.js";
export { directorySource, fileSource, type FileSourceOptions } from "../sources/file.js";
