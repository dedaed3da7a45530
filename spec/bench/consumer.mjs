// sqs-consumer with batches of ten and a handler that does nothing, for sqs_handler.lua. Its
// modules are in build/bench. MODE=message: a handler for each message, whose outcome decides
// about that message, as in watchbot; MODE=batch: one for each batch, the least that it can do.
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/");
const { Consumer } = require("sqs-consumer");

const handler = process.env.MODE === "batch"
  ? { handleMessageBatch: async (messages) => messages }
  : { handleMessage: async (message) => message };

Consumer.create({ queueUrl: process.env.QueueUrl, batchSize: 10, ...handler }).start();
