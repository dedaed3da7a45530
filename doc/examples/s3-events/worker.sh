#!/bin/sh
# Works on one object. An event may come twice, and late: ask S3 for what is there now.
#
#   aws s3 cp "s3://$Bucket/$Key" input
#   ./thumbnail input output
#   aws s3 cp output "s3://$Bucket-thumbnails/$Key"
set -eu
echo "$EventName: s3://$Bucket/$Key (${Size:-?} bytes)"
