"""Three hundred command lines that go wrong: each is told in one line what to write.

Below what is said of an expression stand two lines more: the text, and a mark under the
place in it. They say nothing; they point.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from unittest import mock

import pytest
import typer

from autograd.wording import width as columns_of
from nn import MLP, learn_text, save
from nn.checkpoint import Context
from nn.data import Scaling
from nn.targets import Labels
from viz import cli
from viz.usage import EXAMPLES, MAY_BE_EMPTY, OTHER_OPTIONS, OTHER_VERBS, fitted

XY = '"x*y" x=1 y=2'

WRONG = f"""
drwa {XY}                           | no verb drwa; did you mean draw?
evaluate {XY}                       | no verb evaluate; did you mean eval?
pply                                | no verb pply; did you mean play?
xyzzy                               | the verbs are eval, train
--verion                            | no option --verion; did you mean --version?
-V                                  | no option -V
draw                                | draw needs EXPRESSION.* for instance: chainrule
eval                                | eval needs EXPRESSION; for instance: chainrule
explain                             | explain needs EXPRESSION
step                                | step needs EXPRESSION
train                               | train needs .*; for instance: chainrule train
predict                             | predict needs .*chainrule predict trained
predict iris.json                   | predict needs .*chainrule predict trained
train moons iris                    | train has no use for 'iris'
play now                            | play has no use for 'now'
predict a.json b.csv c.csv          | predict has no use for 'c.csv'
draw {XY} --digit 3                 | draw has no option --digit; did you mean --digits
draw {XY} --colour red              | draw has no option --colour; it has .*--digits
draw {XY} --detials layer           | did you mean --detail?
draw {XY} --ouput a.svg             | did you mean --output?
draw {XY} --wrt x                   | draw has no option --wrt
draw {XY} -p                        | draw has no option -p
draw {XY} --digits=                 | --digits
flow --lrr 1                        | flow has no option --lrr; did you mean --lr?
flow --box                          | did you mean --boxes?
flow --asci                         | did you mean --ascii?
eval {XY} --sceond                  | did you mean --second?
eval {XY} --jsn                     | did you mean --json?
eval {XY} --json=true               | --json stands alone, without a value
eval {XY} -o a.csv                  | -o: can't tell .*: end the name in .txt, .json
predict iris.json table.csv -o a.txt | -o: can't tell .*: end the name in .csv
eval "w x + b" w=1 x=2 b=3           | before 'x'; for a product write w . x
eval "2x" x=2                       | for a product write 2 . x
eval "w(x + 1)" w=2 x=3             | no function 'w'; for a product write w . .
eval "x if x else 2" x=1            | to choose write where.condition, a, b.
eval "sin x" x=1                    | write sin.x.
eval "x == 1" x=1                   | an expression has no =
eval "tanhh(x)" x=1                 | did you mean tanh?
eval "log(x)" x=-1                  | it needs x > 0. Keep x positive with
draw "1 / (x - 2)" x=2              | Keep the divisor away from 0
generate iris.json --temp 2         | did you mean --temperature?
generate iris.json -o a.csv         | -o: can't tell .*: end the name in .txt
network iris.json -o a.bmp          | -o: can't tell .*: end the name in .svg
train moons --out model.json        | --out is a folder, .* write .* --out model$
train moons --out -                 | --out is a folder, and '-' is no name
play --export page.pdf              | --export is a folder, .* --export page$
play --export -                     | --export is a folder, and '-' is no name
explain {XY} --wtr x                | did you mean --wrt?
explain {XY} --lr 1                 | explain has no option --lr
step {XY} --out a.html              | step has no option --out; did you mean --output?
train moons --epoch 3               | did you mean --epochs?
train moons --batchsize 3           | did you mean --batch-size?
train moons --learning-rate 3       | train has no option --learning-rate
train moons -e 3                    | train has no option -e
train t.csv --target y --header none | did you mean --names
predict iris.json t.csv --no-header | did you mean --names
predict iris.json t.csv --delimeter x | did you mean --delimiter?
play --prot 3                       | did you mean --port?
draw {XY} --digits                  | --digits needs a value: --digits 4
train moons --lr                    | --lr needs a value: --lr 0.1
train moons --lr --epochs 3         | --lr needs a value
explain {XY} --wrt                  | --wrt needs a value: --wrt NAMES
explain {XY} -o                     | -o needs a value: -o FILE
train moons --out                   | --out needs a value: --out
draw {XY} --digits four             | --digits is a whole number, .*; got 'four'
draw {XY} --digits 2.5              | --digits is a whole number, .*; got '2.5'
draw {XY} --digits 0                | --digits is a whole number from 1 to 17; got 0
draw {XY} --digits 99               | --digits is a whole number from 1 to 17; got 99
draw {XY} --depth x                 | --depth is a whole number
draw {XY} --depth -2                | --depth is a whole number from 1; got -2
draw {XY} --detail foo              | --detail is op, neuron, layer .*; got 'foo'
flow --lr fast                      | --lr is a number, such as --lr 0.1; got 'fast'
flow --width 20                     | --width needs 40 columns or more; got 20
flow --width wide                   | --width is a whole number
flow --width -3                     | --width is a whole number, at least 0; got -3
explain {XY} --width 10             | --width needs 40 columns or more; got 10
play --port x                       | --port is a whole number, .*; got 'x'
play --port 0                       | --port is a whole number, at least 1; got 0
play --port 99999                   | --port is a whole number, at most 65535; got 99999
train moons --epochs ten            | --epochs is a whole number, .*; got 'ten'
train moons --epochs -1             | --epochs is a whole number from 0; got -1
train moons --batch-size 0          | --batch-size is a whole number from 1; got 0
train moons --seed pi               | --seed is a whole number
train moons --test 0                | --test is a part of the rows between 0 and 1
train moons --test 1.5              | --test is a part of the rows between 0 and 1
train moons --validation 1.5        | --validation is a part of the rows between
train moons --lr -1                 | --lr is a number above 0; got -1
train moons --clip 0                | --clip is a number above 0; got 0
train moons --patience 0            | --patience is a whole number from 1; got 0
train moons --hidden 0              | --hidden takes layer sizes such as 16,16; got '0'
train moons --hidden 16;16          | --hidden takes layer sizes such as 16,16
train moons --hidden wide           | --hidden takes layer sizes such as 16,16
train moons --rows 1                | --rows is at least 2
train moons --optimizer best        | unknown --optimizer 'best'; choose one of sgd
train moons --activation rely       | unknown --activation 'rely'; choose one of relu
train moons --loss best             | unknown --loss 'best'; choose one of auto
train moons --schedule best         | unknown --schedule 'best'
train moons --class-weights rooot | unknown --class-weights 'rooot'; choose one of auto
train moons --engine warp           | unknown --engine 'warp'; choose auto
train moon                          | neither a file nor one of the sets moons
explain {XY} --wrt z                | --wrt: there is no 'z'; there are: x, y
explain {XY} --wrt x,z              | --wrt: there is no 'z'
explain {XY} --wrt ,                | --wrt names nothing; there are: x, y
eval {XY} --wrt z                   | --wrt: there is no 'z'; there are: x, y
eval {XY} --wrt x --wrt q           | --wrt: there is no 'q'
explain {XY} -o a.html              | -o: can't tell .* 'a.html': end the name in .txt
explain {XY} -o a.pdf               | -o: can't tell the format of 'a.pdf'
explain {XY} -o text                | -o: can't tell the format of 'text'
flow -o f.svg                       | -o: can't tell the format of 'f.svg'
draw {XY} -o a.jpg                  | -o: can't tell .*: end the name in .svg, .png
draw {XY} -o .svg                   | -o: can't tell the format of '.svg'
step {XY} -o a.svg                  | -o: can't tell the format of 'a.svg'
draw {XY} -o no/such/a.svg          | no folder
draw {XY} -o - --open               | --open shows a file: say which with -o FILE
flow --open                         | --open shows a file: say which with -o FILE
draw {XY} --target 1                | --target is for a saved model
flow {XY} --loss mse                | --loss is for a saved model
draw "x*y" x=1                      | y has no value; write for instance y=0.5
draw "x*y" x=1 y=2 z=3              | z is given, but the expression has no z
draw "x*y" x=1 x=2                  | x is given twice
draw "x*y" x=one y=2                | 'one' is not a number; write for instance x=0.5
draw "x*y" x=1e400 y=2              | 1e400 is too large; .* x=inf
draw "x*y" x=-1e400 y=2             | -1e400 is too large
draw "x*y" x y                      | 'x' is not of the form name=value
draw iri.json 1 --target 1          | no file 'iri.json': did you mean 'iris.json'?
draw iris 1 2 --target 1            | no file 'iris': did you mean 'iris.json'?
draw trained 1 2 --target 1         | it is a folder; .* such as trained/model.json
explain what/m.json 1 --target 1    | no folder 'what': chainrule train moons writes
step zzz.json 1 --target 1          | no file 'zzz.json': chainrule train moons writes
flow zzz.json                       | no file 'zzz.json': chainrule train moons writes
network trained                     | it is a folder; .* such as trained/model.json
network zzz.json                    | no file 'zzz.json': chainrule train moons writes
generate zzz.json                   | no file 'zzz.json': chainrule train names.txt
predict zzz.json table.csv          | no file 'zzz.json': chainrule train moons writes
train tabel.csv --target y          | no file 'tabel.csv': did you mean 'table.csv'?
train moons --resume zzz.json       | no file 'zzz.json': chainrule train moons writes
draw iris.json 1 2                  | chainrule draw iris.json .* --target other
step iris.json 1 2                  | chainrule step iris.json .* --target other
explain iris.json 1 2 --target 0    | --target is one of setosa, virginica, other
flow iris.json 1 2 --target cow     | --target is one of setosa, virginica, other
draw iris.json 1 --target setosa    | takes 2 inputs, got 1
draw iris.json 1 a --target setosa  | an input has to be a number, such as 0.5; got 'a'
flow trained/model.json x1=1 --target 1 | such as 1; got 'x1=1'
eval iris.json 1 2                  | eval takes an expression; of a model, .* flow
draw text.json 1 2 --target 1       | a model of a text.* chainrule generate text.json
network text.json                   | a model of a text.* chainrule generate text.json
network table.csv                   | train table.csv --target COLUMN makes one
network notes.rst                   | line 1, column 1 is not JSON, as nn.save
draw "x*y" x=1,y=2                  | put a space between, as in x=1
flow --lr nan                       | --lr is a number above 0; got nan
flow --lr -1                        | --lr is a number above 0; got -1
flow --boxes --width 50             | --width needs 70 columns
draw {XY} --json                    | draw has no option --json; it has
draw {XY} --width 80                | draw has no option --width; it has
step {XY} --quiet                   | step has no option --quiet; it has
-v                                  | no option -v; the options are --version
generate text.json -n 0             | -n is a whole number, at least 1; got 0
generate text.json -n -1            | -n is a whole number, at least 1; got -1
generate text.json --temperature -1 | --temperature is a number from 0; got -1
generate text.json --prompt zz      | 'z' is not among the characters
train moons --out table.csv/a       | --out: .* no folder .* write .* --out trained
train moons --noise -1              | --noise is a number from 0; got -1
train moons --target y              | --target is for a table in a file, and moons is
train iris --task number            | --task is for a table in a file, and iris is
train iris --noise 1                | --noise is for points that are drawn
train moons --rows 1000000000000    | --rows is at most 10_000_000
train iris --rows 50                | --rows is for points that are drawn
train table.csv --target y --rows 9 | --rows is for points that are drawn
train moons --context 3             | --context is for a text, and moons is a table
train words --hidden 3              | --hidden is for a table, and words is a text
train words --context 0             | --context is a whole number from 1; got 0
train words --unit letters          | --unit is characters for the set words
draw "x*y," x=1 y=2                 | arguments; leave it out
eval {XY} --x 1                     | eval has no option --x; a value is written x=1
eval "x*y" x:1 y:2                  | not of the form name=value, such as x=1
eval "x*y" x==1 y=2                 | not of the form name=value, such as x=1
draw "|x|" x=-1                     | for the size of x write abs.x.
eval "lambda x: x*2" x=1            | write the formula alone; values .* as in x=2
eval "n!" n=3                       | for 3! write 3 . 2 . 1
explain {XY} --latex                | the file's name says it: -o explain.tex
draw {XY} --png                     | the file's name says it: -o draw.png
flow --learning_rate 0.1            | did you mean --lr?
train moons --optimizer Adam        | choose one of sgd, adam, adamw, rmsprop; .* adam?
train moons --activation Relu       | sin, linear; did you mean relu?
train moons --loss crossentropy     | did you mean cross_entropy?
network iris.json 1 2 --loss mse     | --loss mse: a loss needs .* --target 1
flow iris.json --loss MSE 1 2 --target 0 | did you mean mse?
train moons --loss BCE              | did you mean binary_cross_entropy or binary
flow --loss L2                      | did you mean mse?
train table.csv y                   | the column to predict is written --target y
derive {XY}                         | no verb derive; did you mean explain?
resume trained/model.json           | train moons --resume trained/model.json?
help draw                           | write chainrule draw --help
moons                               | no verb moons; write chainrule train moons
"x*y" x=1 y=2                       | write chainrule eval "x.y", or draw or explain
train moons -e 10                   | no option -e; did you mean --epochs or --engine?
train --data moons                  | the data stand without: chainrule train moons
train moons --hidden 16 16          | sizes of layers are written --hidden 16,16
train moons --hidden 16 8 4         | sizes of layers are written --hidden 16,8,4
flow "x*y" x=1 y=2 --lr 0.1         | --lr is for a network, and 'x.y' is an expression
draw iris.json 1 1e999 --target setosa | an input .* too large
draw "x*y" x 1 y 2                  | 'x' is not of the form name=value, such as x=0.5
draw {XY} graph.png                 | a file to write is said by -o graph.png
draw "x*y" 1 2                      | '1' is not of the form name=value, such as x=1
draw "x*y" x=1,5 y=2                | '1,5' is not a number; write for instance x=1.5
draw "x*y" x=½ y=2                  | write for instance x=1/2
draw "x*y" x=50% y=2                | write for instance x=50/100
draw "x*y" x=∞ y=2                  | write for instance x=inf
draw "x*y" X=1 y=2                  | the expression has no X; it has x, y
draw "xy + 1" x=1 y=2               | it has xy; for a product write x.y
draw sin                            | sin is a function: write sin.....
eval "inf*x" x=1                    | give it as a value, as in x=inf
flow moons                          | a set to train on: write chainrule train moons
flow trained                        | it is a folder; .* such as trained/model.json
flow trained/model                  | did you mean 'trained/model.json'?
flow 0.5 1                          | a model's file comes first, as in trained/model
flow 0.5 1 --target 1               | --target is for a saved .*flow trained/model.json
flow table.csv                      | table.csv is not a chainrule model
flow {XY} --boxes                   | --boxes is for a network, .*: leave it out
flow {XY} --lr 0.5                  | --lr is for a network, .*: leave it out
flow --target nan                   | needs targets between 0 and 1 .*, got nan
flow trained/model.json 1,2 --target 1 | an input has .* each apart: 1 2; got '1,2'
flow trained/model.json [0.5,2] --target 1 | each apart: 0.5 2; got
flow trained/model.json 0,5 2 --target 1,5 | each apart: 0 5; got '0,5'
explain {XY} --wrt x y              | --wrt takes names with commas between: --wrt x,y
draw {XY} --expand yes              | --expand stands alone, without yes
draw {XY} --format png              | the file's name says it: -o draw.png
draw {XY} --format=PDF              | the file's name says it: -o draw.pdf
draw {XY} -T svg                    | the file's name says it: -o draw.svg
eval {XY} -f json                   | the file's name says it: -o eval.json
draw {XY} -o table.csv/a.svg        | 'table.csv' is a file, and no folder
draw {XY} -o=                       | -o needs a value: -o graph.svg
explain {XY} -o a.md -o b.md        | -o is given twice; give it once
explain {XY} -o a.md --output b.md  | --output is given twice; give it once
network "x*y" x=1 y=2               | 'x.y' is an expression: write chainrule draw
generate text.json -p anna          | generate has no option -p; did you mean --prompt?
generate text.json --n 5            | generate has no option --n; did you mean -n?
generate text.json --temperature 0,8 | --temperature is a number, such as .* 0.8; got
generate what/m.json                | no folder 'what': chainrule train names.txt
predict text.json table.csv         | a model of a text: chainrule generate text.json
predict numbers.json moons          | moons is a set to train on, .* takes a file
play --assets nowhere               | --assets is for --export: write --export site
play --export site --port 8000      | --port is for a server, and --export writes
play --export site --no-browser     | --no-browser is for a server
play --port                         | --port needs a value: --port 2718
train moons extra                   | train has no use for 'extra'; .* train moons
train trained                       | it is a folder; write the file in it
train .                             | it is a folder; .* such as ./empty.csv
train trained/model.json            | a trained model, no table; train --resume goes on
train moons --out=                  | --out needs a value: --out FOLDER
train moons --epochs=               | --epochs needs a value: --epochs 10
train moons --seed -1               | --seed is a whole number from 0 to 4294967295
train moons --test-size 0.2         | did you mean --test?
train moons --verbose               | did you mean --progress?
train moons --lr 1 --lr 2           | --lr is given twice; give it once
train words --test 2                | --test is a part of the rows between 0 and 1
train words --heads 3               | --heads .* 3 do not divide 16, but 1, 2, 4, 8, 16
predict table.csv numbers.json      | first: chainrule predict numbers.json table.csv
predict new.csv iris.json           | comes first: chainrule predict iris.json new.csv
predict table.csv table.csv         | train table.csv --target COLUMN makes one
generate names.txt                  | not a .* model; .* train names.txt makes one
flow names.txt 1 2 --target 1       | not a .* model; .* train names.txt makes one
step iris.json 1 2 --target Other   | setosa, virginica, other; .* did you mean other?
flow iris.json 1 2 --target 7       | --target is one of setosa, virginica, other; got
flow iris.json 1 2 --target 1,2 --loss mse | --target 1,2: .* and there are 3
flow --target 1,2                   | --target 1,2: .* each output, and there is 1
flow iris.json 1 2 --target -1 --loss cross_entropy | ^chainrule: --
flow scaled.json 1 2 --target 1 --loss cross_entropy | --loss .* one logit
flow scaled.json 1 2 --target 3 --loss hinge | ^chainrule: --loss hinge: .*-1 and 1
network scaled.json 1 2 --digits 0  | ^chainrule: --digits is a whole number from 1
network scaled.json 1 2 --show weights | did you mean weight?
network scaled.json 1 2 --show gradient | --show gradient needs .* network scaled.json
network "x*y"                       | is an expression: write chainrule draw
network "w^2 + 1"                   | is an expression: write chainrule draw
network notes.rst --direction down  | no option --direction; .* draw has --direction
network iris.json 1 2 --wrt x       | eval and explain have --wrt
step {XY} --detail layer            | step has no option --detail; .* draw has --detail
explain {XY} --second               | no option --second; .* eval has --second
explain {XY} --wrt X                | there is no 'X'; there are: x, y; did you mean x?
explain scaled.json 1 2 --target 1 --wrt w1 | and 19 more; did you mean W1.1,1.?
explain iris.json 1 2 --target other --wrt W1[1,9] | did you mean W1.1,2.?
eval "x*y" x = 1 y = 2              | there is no space around =: write x=1 y=2
eval "x*y" x= 1 y =2                | there is no space around =: write x=1 y=2
eval "x*y" x=1, y=2                 | put a space between, as in x=1
eval "x*y" x= y=2                   | 'x=': '' is not a number; write for instance x=0.5
eval {XY} -x 3                      | eval has no option -x; a value is written x=3
eval {XY} -o trained                | 'trained' is a folder; .* -o trained/out.txt
draw {XY} -o trained/               | 'trained/' is a folder; .* -o trained/out.svg
step {XY} -o .                      | '.' is a folder; write for instance -o ./out.html
draw {XY} --direction LR            | right or down; got 'LR'; did you mean right?
draw {XY} --direction top-down      | right or down; got 'top-down'; did you mean down?
draw {XY} --detail layers           | did you mean layer?
draw {XY} --theme dark              | draw has no option --theme; it has --help
flow {XY} --width wide              | is a whole number, such as --width 80; got
flow --lr 0,05                      | --lr is a number, such as --lr 0.05; got '0,05'
train moons --test 20%              | --test is a number, such as --test 0.2; got '20%'
train moons --epochs 1e3            | --epochs is .*, such as --epochs 1000; got '1e3'
train moons --device cuda           | no option --device; it runs on .*: leave it out
train moons --shuffle               | rows are shuffled before every epoch
train moons --momentum 0.9          | sgd has a momentum of 0.9: --optimizer sgd
train moons --normalize             | inputs are scaled anyway: leave it out
train moons --no-plots              | its pictures are written in any case
train moons --model mlp             | its layers are said by --hidden 16,16
train moons --save m.json           | no option --save; did you mean --out?
train moons --n 50                  | no option --n; did you mean --rows?
train moons --zigzag                | chainrule train -h lists those that it has
train MOONS                         | did you mean moons?
train mnist                         | did you mean digits?
train trained --width 5             | it is a folder; write the file in it
train nothing --width 5             | 'nothing' is neither a file nor one of the sets
train names.txt --unit Words        | --unit is one of .*; did you mean words?
train names.txt --width 6           | --heads has to divide the width: 4 do not divide 6
train table.csv --target z          | --target: table.csv has no column 'z'; .* a, b, y
train table.csv --target y --ignore q | --ignore: table.csv has no column 'q'
train table.csv --target y --ignore y | --ignore: 'y' is the target
train table.csv --target y --numbers a --ignore a | column 'a' is among numbers already
train table.csv --target y --hidden 16.5 | --hidden takes layer sizes such as 16,16
train table.csv --target y --patience 0 | --patience is a whole number from 1; got 0
train table.csv --target y --repeat 0 | --repeat is a whole number from 1; got 0
train table.csv --target y --engine gpu | unknown --engine 'gpu'; choose auto
train table.csv --target y --schedule cos | did you mean cosine?
train table.csv --target y --class-weights 2 | unknown --class-weights '2'
train table.csv --target y --resume none.pt | no file 'none.pt': chainrule train moons
train table.csv --target y --task regression | did you mean number?
train table.csv --target y --delimiter ab | --delimiter is one character; got 'ab'
train table.csv names.txt --target y | train has no use for 'names.txt'; for instance
train empty.csv --target y          | empty; a table has a line of names, and a line
train head.csv --target y           | no rows below .*; .*, name .* .--names.
chainrule train moons               | no verb chainrule; write chainrule train moons
TRAIN moons                         | no verb TRAIN; did you mean train?
iris.json                           | no verb .*; write chainrule network iris.json
names.txt                           | write chainrule train names.txt$
table.csv                           | write chainrule train table.csv --target COLUMN
hessian {XY}                        | did you mean eval "x.y" x=2 y=3 --second?
find-lr moons                       | did you mean train moons --find-lr?
--digits 3 draw {XY}                | stand after it: chainrule draw ... --digits
-o a.svg draw {XY}                  | stand after it: chainrule draw ... -o
--install-completion zsh            | takes no name; call it from the shell
"""
LINES = [[*map(str.strip, line.rsplit(" | ", 1))] for line in WRONG.strip().split("\n")]


def chainrule(line, folder, **environment):
    """What a line prints, what it complains of, and its exit status."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"CHAINRULE_DEBUG": "0", "COLUMNS": "80", **environment}
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", ["chainrule", *shlex.split(line)]),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    return out.getvalue(), err.getvalue(), ended.value.code or 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a model of three classes lies."""
    path = tmp_path_factory.mktemp("usage")
    labels = Labels(("setosa", "virginica", "other"))
    save(MLP(2, [3], seed=0), path / "iris.json", context=Context(labels=labels))
    (path / "trained").mkdir()
    save(MLP(2, [1], seed=0), path / "trained" / "model.json")
    (path / "table.csv").write_text("a,b,y\n1,2,0\n2,1,1\n")
    (path / "names.txt").write_text("anna\notto\nhannah\n")
    (path / "notes.rst").write_text("Notes\n=====\n")
    (path / "empty.csv").write_text("")
    (path / "head.csv").write_text("a,b,y\n")
    scaled = Context(scaling=Scaling((1.0, 2.0), (2.0, 4.0)))
    save(MLP(2, [9, 1], seed=0), path / "scaled.json", context=scaled)
    context = Context(features=("a", "b"), target="y")
    save(MLP(2, [1], seed=0), path / "numbers.json", context=context)
    small = {"width": 4, "heads": 1, "context": 4, "epochs": 1}
    spoken = learn_text(["anna", "otto", "hannah"] * 9, **small, progress=False)
    spoken.save(path / "text.json")
    return path


@pytest.mark.parametrize(("line", "words"), LINES, ids=[line for line, _ in LINES])
def test_a_wrong_line_is_told_what_to_write(line, words, folder):
    before = sorted(folder.iterdir())
    out, err, status = chainrule(line, folder)
    assert re.search(words, err), err
    assert err.startswith("chainrule: ")
    shown = err.splitlines()[1:]
    assert not shown or (shown[0].strip() in line and shown[1].strip() == "^")
    assert status in (1, 2)
    assert not out
    assert sorted(folder.iterdir()) == before


def test_a_line_that_is_advised_is_right(folder, tmp_path):
    """Each command of a complaint that names no file, or one that is there."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tried = 0
    for line, _ in LINES:
        for found in re.findall(
            r"(?:write|instance:?|first:|model;) chainrule (\w+ [^;|]+?)"
            r"(?:, or| makes|; |$)",
            chainrule(line, folder)[1].strip(),
        ):
            verb, *words = shlex.split(found.replace("COLUMN", "y"))
            named = [word for word in words if re.fullmatch(r"[\w/]+\.\w{3,4}", word)]
            there = [(folder / word).exists() for word in named]
            slow = verb in ("train", "play") or "--help" in words or "..." in words
            if slow or not (all(there) or "-o" in words) or not words[0].isascii():
                continue
            _, told, status = chainrule(shlex.join([verb, *words]), tmp_path)
            free = "has no value" in told  # the formula of the complaint
            assert free or not status, f"{line}: {found}: {told}"
            tried += 1
    assert tried >= 10


def test_what_is_meant_by_another_word_is_there():
    """Each verb and option that a complaint leads to."""
    options = {
        name.lstrip("-")
        for verb in EXAMPLES
        for param in VERBS[verb].params
        for name in (*param.opts, *param.secondary_opts)
    }
    assert {meant.split()[0] for meant in OTHER_VERBS.values()} <= EXAMPLES.keys()
    assert {*OTHER_OPTIONS.values()} <= options
    assert not OTHER_VERBS.keys() & EXAMPLES.keys()
    for verb in EXAMPLES:
        known = VERBS[verb]._options()
        for word, meant in OTHER_OPTIONS.items():
            told = VERBS[verb]._unknown(f"--{word}", known, "")
            assert f"--{meant}" not in known or f"--{word}" in known or "mean" in told


def test_there_are_three_hundred_of_them():
    assert len({line for line, _ in LINES}) >= 300
    assert {line.split()[0] for line, _ in LINES} > EXAMPLES.keys()


# ---- what is right -------------------------------------------------------------------


@pytest.mark.parametrize("wrt", ["--wrt x,y", "--wrt x --wrt y", "--wrt=x --wrt=' y '"])
def test_names_are_repeated_or_listed(wrt, tmp_path):
    for verb in ("eval", "explain"):
        line = f"{verb} 'x*y*z' x=1 y=2 z=3"
        given, _, status = chainrule(f"{line} {wrt}", tmp_path)
        assert not status
        assert (
            "z"
            not in given.rpartition("derivatives" if verb == "eval" else "Result")[2]
        )


def test_nothing_may_be_said_on_purpose(folder):
    """By what an option's empty text has a meaning of its own."""
    line = "generate text.json -n 3"
    assert chainrule(f"{line} --prompt ''", folder) == chainrule(line, folder)
    for verb in EXAMPLES:
        for param in VERBS[verb].params:
            option = param.opts[-1]
            if option.startswith("--") and not getattr(param, "is_flag", False):
                told = chainrule(f"{verb} {option} ''", folder)[1]
                refused = f"{option} needs a value" in told
                assert refused != (param.name in MAY_BE_EMPTY), option


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("eval -x*o x=2 o=3", "nodes"),
        ("draw -o*y o=1 y=-2 -o -", "<svg"),
        ("explain -x x=-2 -o -", "Forward"),
        ("step -x x=-2 -o -", "<!DOCTYPE html>"),
        ("flow -- -x x=-.5", "Forward"),
        ("flow iris.json -1 -2e-3 --target=setosa", ""),
        ("explain --wrt x -- -x x=-inf", "Forward"),
        ("-h", "\n Usage"),
        ("draw -h", "\n Usage"),
        ("--version", "chainrule "),
    ],
)
def test_numbers_and_formulas_may_begin_with_a_minus(line, start, folder):
    out, err, status = chainrule(line, folder)
    assert (status, err) == (0, "")
    assert out.lstrip(" ").startswith(start)


# ---- what is written -----------------------------------------------------------------

FORMULA = "'tanh(w*x + b)*w' w=0.123456789 x=2.3456789 b=0.1"
WRITERS = {
    "eval": f"eval {FORMULA}",
    "explain": f"explain {FORMULA}",
    "draw": f"draw {FORMULA}",
    "step": f"step {FORMULA}",
    "flow": "flow",
    "network": "network trained/model.json 1 2 --target 0",
    "predict": "predict numbers.json table.csv",
    "generate": "generate text.json -n 3",
}
VERBS = typer.main.get_command(cli.app).commands
STARTS = {
    "svg": b"<svg",
    "png": b"\x89PNG",
    "pdf": b"%PDF",
    "dot": b"digraph",
    "gv": b"digraph",
    "html": b"<!DOCTYPE html>",
    "htm": b"<!DOCTYPE html>",
    "json": b"{",
}


def takes(verb, option):
    return any(option in param.opts for param in VERBS[verb].params)


def endings(verb, folder):
    """Those that a verb names when it is given another."""
    _, told, _ = chainrule(f"{WRITERS[verb]} -o a.xyz", folder)
    return re.findall(r"\.(\w+)(?=,)", told.partition("end the name in")[2])


def test_every_verb_that_writes_is_tried():
    assert WRITERS.keys() == {verb for verb in VERBS if takes(verb, "--output")}
    assert VERBS.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("verb", WRITERS)
def test_an_ending_decides_in_every_verb(verb, folder, tmp_path):
    forms = endings(verb, folder)
    assert forms
    names = [f"a.{forms[0]}", *(f"ü b.{form.upper()}" for form in forms)]
    for form, name in zip([forms[0], *forms], names, strict=True):
        path = tmp_path / name
        out, err, status = chainrule(f"{WRITERS[verb]} -o '{path}'", folder)
        assert (out, status) == (f"{path}\n", 0), err
        written = path.read_bytes()
        assert written.startswith(STARTS.get(form, b"")), form
        assert written.endswith(b"\n") or form in ("png", "pdf", "svg")
    before = sorted(folder.iterdir())
    for wrong in ("a", "a.", ".txt", "a.jpeg", "no.folder/a", f"a.{forms[0]}x"):
        out, err, status = chainrule(f"{WRITERS[verb]} -o {wrong}", folder)
        assert (out, status) == ("", 1)
        assert err.startswith(f"chainrule: -o: can't tell the format of {wrong!r}")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("verb", WRITERS)
def test_a_dash_is_standard_output_in_every_verb(verb, folder, tmp_path):
    first, *_ = endings(verb, folder)
    path = tmp_path / f"a.{first}"
    chainrule(f"{WRITERS[verb]} -o {path}", folder)
    before = sorted(folder.iterdir())
    out, _, status = chainrule(f"{WRITERS[verb]} -o -", folder)
    assert not status
    assert out.rstrip("\n") == path.read_text("utf-8").rstrip("\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("verb", [verb for verb in WRITERS if takes(verb, "--width")])
def test_a_width_holds_in_every_verb(verb, folder, tmp_path):
    lines = [WRITERS[verb], f"{WRITERS[verb]} -o {tmp_path}/a.txt"]
    if verb == "flow":
        lines += [f"flow {FORMULA}", "flow trained/model.json 1 2 --target 0"]
    tried = [(line, width) for line in lines for width in (40, 61, 100)]
    for line, width in [*tried, ("flow --boxes", 70)]:
        out, err, status = chainrule(f"{line} --width {width}", folder)
        assert not status, err
        if "-o" in line:
            out = (tmp_path / "a.txt").read_text("utf-8")
        assert max(map(columns_of, out.splitlines())) <= width
    assert {"eval", "flow", "explain"} == {v for v in WRITERS if takes(v, "--width")}


PICTURES = ("draw", "network", "step")
PLOTS = "train moons --rows 40 --epochs 2 --seed 0 --out"
TWICE = """
import contextlib, io, sys
from viz import cli

for line in sys.stdin.read().splitlines():
    sys.argv = ["chainrule", *line.split("\t")]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.main()
"""


@pytest.mark.parametrize(
    "verbs", [PICTURES, pytest.param((*WRITERS, "train"), marks=pytest.mark.slow)]
)
def test_every_picture_is_the_same_to_the_byte_on_every_run(verbs, folder, tmp_path):
    """In two processes, with other orders of sets, another time zone, another path."""
    made = []
    for seed, zone in (("1", "Asia/Kolkata"), ("2", "UTC")):
        to = tmp_path / seed
        to.mkdir()
        lines = [
            [*shlex.split(WRITERS[verb]), "-o", f"{to}/{verb}.{form}"]
            for verb in verbs
            for form in (endings(verb, folder) if verb in WRITERS else ())
        ]
        if "train" in verbs:
            lines.append([*shlex.split(PLOTS), f"{to}/trained"])
        subprocess.run(
            [sys.executable, "-c", TWICE],
            input="\n".join("\t".join(line) for line in lines).encode(),
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            cwd=folder,
            check=True,
        )
        files = sorted(path for path in to.rglob("*") if path.is_file())
        made.append({str(path.relative_to(to)): path.read_bytes() for path in files})
    one, other = made
    assert len(one) >= len(lines) + 5 * ("train" in verbs)
    assert one.keys() == other.keys()
    assert not {name for name in one if one[name] != other[name]}


@pytest.mark.parametrize("verb", ["draw", "step", "explain", "flow"])
def test_the_file_is_opened(verb, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(typer, "launch", opened.append)
    name = {"draw": "a.svg", "step": "a.html"}.get(verb, "a.md")
    chainrule(f"{verb} 'x*y' x=1 y=2 -o {name} --open", tmp_path)
    assert opened == [name]


@pytest.mark.parametrize("verb", ["", *EXAMPLES])
def test_help_speaks_no_python(verb, tmp_path):
    out, _, status = chainrule(f"{verb} --help", tmp_path)
    assert not status
    assert not re.search(r"<\w+|list\[|None\b", out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offered", "others"),
    [
        ("dr", ["draw"], ["step", "train"]),
        ("draw --di", ["--digits", "--direction"], ["--wrap"]),
        ("train w", ["wine"], ["iris"]),
    ],
)
def test_a_shell_completes(shell, line, offered, others, tmp_path):
    typed = {
        "_CHAINRULE_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": f"chainrule {line}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": f"chainrule {line}",
        "COMP_CWORD": str(len(line.split())),
    }
    out, _, status = chainrule("", tmp_path, **typed)
    assert not status
    assert all(name in out for name in offered)
    assert not any(name in out for name in others)


# ---- narrow terminals ----------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 50, 80])
@pytest.mark.parametrize("verb", ["flow", "explain"])
def test_an_expression_fits_the_width(verb, width, tmp_path):
    formula = "'tanh(weight*distance + bias)' weight=0.123456 distance=-2.5 bias=1e-3"
    wide, _, _ = chainrule(f"{verb} {formula} --width 500", tmp_path)
    out, _, _ = chainrule(f"{verb} {formula} --width {width}", tmp_path)
    assert out.split() == wide.split(), "words are whole"
    longest = max(columns_of(word) for word in wide.split())
    assert max(map(columns_of, out.splitlines())) <= max(width, width // 2 + longest)


@pytest.mark.parametrize("columns", [30, 50, 80, 200])
def test_no_number_of_a_table_is_broken(columns, tmp_path):
    line = "eval 'tanh(w*x + b)*w' w=0.123456789 x=2.3456789 b=0.1 --second"
    out, _, _ = chainrule(line, tmp_path, COLUMNS=str(columns))
    whole, _, _ = chainrule(line, tmp_path, COLUMNS="300")
    numbers = r"-?\d+\.\d+(?:e-?\d+)?"
    assert sorted(re.findall(numbers, out)) == sorted(re.findall(numbers, whole))


def test_a_line_is_broken_between_words_alone():
    assert fitted("written to x: history.svg, model.json", 20) == (
        "written to x:\n    history.svg,\n    model.json"
    )
    assert fitted("a-very-long-word-indeed", 10) == "a-very-long-word-indeed"
    assert fitted("any text", 0) == "any text"
    product = "a = 0.689974·0.449329·log(2.71828)"
    assert fitted(product, 20) == "a = 0.689974\n    ·0.449329\n    ·log(2.71828)"
    assert (
        fitted("重み = 1 + 重み重み + 2", 14)
        == "重み = 1\n       + 重み重み\n       + 2"
    )


@pytest.mark.parametrize("width", range(30, 70))
@pytest.mark.parametrize("start", ["", "  ", "a = ", "a_slope = "])
def test_no_line_is_longer_than_the_width_that_holds_two_factors(start, width):
    text = f"{start}0.689974·0.449329·log(2.71828) + 12·x·0.25·sinh(0.123456) - 0.5·y"
    lines = fitted(text, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert fitted(text, len(text)) == text
