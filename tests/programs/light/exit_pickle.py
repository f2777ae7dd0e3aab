"""A class of the program itself, pickled when the program has ended."""

import atexit
import os
import pickle


class Result:
    def __init__(self):
        self.x = 3


result = Result()


def save():
    with open(os.environ["OUT"] + "/result.pkl", "wb") as file:
        pickle.dump(result, file)


atexit.register(save)
