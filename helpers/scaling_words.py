def warnings(*a):
    return ()


def sentences(fit):
    return ()
