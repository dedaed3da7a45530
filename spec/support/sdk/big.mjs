// The same as big.py with AWS's SDK for JavaScript; the folder with its packages is in $SDK. It
// speaks to $AWS_ENDPOINT_URL, because Node has no proxy of its own.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const need = createRequire(process.env.SDK + "/");
const { SQSClient, SendMessageCommand, ReceiveMessageCommand } = need("@aws-sdk/client-sqs");
const { S3Client, PutObjectCommand, GetObjectCommand } = need("@aws-sdk/client-s3");

const CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer";
const endpoint = process.env.AWS_ENDPOINT_URL;
const sqs = new SQSClient({ endpoint });
const s3 = new S3Client({
  endpoint, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED",
});

async function send(queue, bucket, key) {
  const body = readFileSync(0);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  const sent = await sqs.send(new SendMessageCommand({
    QueueUrl: queue,
    MessageBody: JSON.stringify([CLASS, { s3BucketName: bucket, s3Key: key }]),
    MessageAttributes: {
      ExtendedPayloadSize: { DataType: "Number", StringValue: String(body.length) },
    },
  }));
  return sent.MessageId;
}

async function receive(queue) {
  const answer = await sqs.send(new ReceiveMessageCommand({
    QueueUrl: queue, MessageAttributeNames: ["All"], WaitTimeSeconds: 5,
  }));
  const [kind, place] = JSON.parse(answer.Messages[0].Body);
  if (kind !== CLASS) throw new Error(kind);
  const got = await s3.send(new GetObjectCommand({
    Bucket: place.s3BucketName, Key: place.s3Key,
  }));
  const body = await got.Body.transformToByteArray();
  return {
    sha256: createHash("sha256").update(body).digest("hex"),
    bucket: place.s3BucketName, key: place.s3Key,
  };
}

const [what, ...words] = process.argv.slice(2);
console.log(JSON.stringify(await { send, receive }[what](...words)));
