// The worker inside the page, for the page that is one file.
import Inline from "./worker?worker&inline";

export const startWorker = (): Worker => new Inline();
