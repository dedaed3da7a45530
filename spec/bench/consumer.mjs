// sqs-consumer with batches of ten and a handler that does nothing, for sqs.lua. Its modules are in build/bench.
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/");
const { Consumer } = require("sqs-consumer");

Consumer.create({ queueUrl: process.env.QueueUrl, batchSize: 10, handleMessageBatch: async (messages) => messages }).start();
