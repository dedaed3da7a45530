#!/bin/sh
echo "$Subject: $Message" >> done.txt
