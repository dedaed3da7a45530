// A stack of the AWS CDK that includes a template of watchbot, and uses what is in it.
//
//     watchbot template doc/examples/tiles/stack.lua > tiles.json
//     npm install aws-cdk-lib constructs
//     node doc/examples/cdk/app.js tiles.json cdk.out
//
// With the CDK's command line: cdk deploy --app "node app.js tiles.json cdk.out"
const cdk = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");
const sns = require("aws-cdk-lib/aws-sns");

const [template, outdir] = process.argv.slice(2);
const app = new cdk.App({ outdir });
const stack = new cdk.Stack(app, "Tiles");

// The parameters of the template that are not given here stay parameters of the stack. The logical
// ids stay as they are, so that a stack that exists already is updated and not replaced.
const tiles = new CfnInclude(stack, "Watchbot", {
  templateFile: template, preserveLogicalIds: true, parameters: { GitSha: "v1" },
});

// Each resource is one of the CDK's first level; from its ARN, other constructs can use it.
const topic = sns.Topic.fromTopicArn(stack, "Work", tiles.getResource("WatchbotTopic").ref);
const sender = new cdk.aws_iam.User(stack, "Sender");
topic.grantPublish(sender);

app.synth();
